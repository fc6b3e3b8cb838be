import re
import uuid

from stackwire.core.context import RequestContext, new_request_id, system_context

DEMO = RequestContext(
    request_id="req-1",
    user_id="u",
    user_name="demo",
    project_id="p",
    project_name="demo",
    roles=("member", "reader"),
    auth_token="secret",
)


def test_a_context_survives_the_wire():
    assert RequestContext.from_wire(DEMO.to_wire()) == DEMO


def test_a_stranger_s_context_with_nothing_in_it_is_read_all_the_same():
    assert RequestContext.from_wire({"roles": None, "surprise": 1}).roles == ()


def test_the_older_names_of_user_and_project_are_understood():
    ctx = RequestContext.from_wire({"user": "u", "tenant": "p"})
    assert (ctx.user_id, ctx.project_id) == ("u", "p")


def test_a_notification_never_carries_the_token():
    assert "secret" not in str(DEMO.redacted())


def test_a_service_speaks_for_the_user_under_the_action_s_first_id():
    onward = DEMO.as_service()
    assert onward.is_service
    assert onward.user_id == "u"
    assert onward.action_id == "req-1"


def test_a_sweep_acts_as_the_service_itself():
    assert system_context("cinder").is_admin


def test_a_request_id_is_a_random_uuid_that_python_reads_as_one():
    drawn = {new_request_id() for _ in range(1000)}
    assert len(drawn) == 1000
    for request_id in drawn:
        number = uuid.UUID(request_id.removeprefix("req-"))
        assert (str(number), number.version, number.variant) == (request_id[4:], 4, uuid.RFC_4122)


def test_a_context_is_as_old_as_oslo_context_would_say():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", RequestContext().timestamp)
