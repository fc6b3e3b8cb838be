from stackwire.core.context import RequestContext, system_context

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
