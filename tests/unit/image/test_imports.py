"""What an import may ask for, which images are ready for it, and whom a locked image belongs to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackwire.core.errors import BadRequest, Conflict, ServiceError
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, DIRECT, DOWNLOAD, ImportRequest, check_ready, read_import, stores_in
from stackwire.image.domain.states import TaskStates
from stackwire.image.domain.task_requests import read_task
from stackwire.image.domain.tasks import Task, TaskOutcome, holds_its_image, may_see_task

ALL = (DIRECT, DOWNLOAD, COPY)
WORDS = (
    "method", "name", "uri", "stores", "all_stores", "all_stores_must_succeed", "type", "input", "import", DIRECT,
    "import_from", "import_from_format", "image_properties", "qcow2", "disk_format", "tags", "http://example.org/",
)  # fmt: skip
NOW = datetime(2026, 1, 2, tzinfo=UTC)
STAGED = Image(id="i", status="uploading", size=5, disk_format="raw", container_format="bare")
A_TASK = Task(id="t", type="api_image_import", owner="p", created_at=NOW, updated_at=NOW)


def test_tasks_go_forward_only() -> None:
    assert TaskStates.sources("processing") == {"pending"}
    assert TaskStates.sources("failure") == {"pending", "processing"}
    assert TaskStates.sources("success") == {"processing"}


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        ({"method": {"name": DIRECT}}, {"method": DIRECT}),
        ({"method": {"name": DOWNLOAD, "uri": "http://x/"}}, {"method": DOWNLOAD, "uri": "http://x/"}),
        ({"method": {"name": DIRECT}, "stores": ["a", "b", "a"]}, {"method": DIRECT, "stores": ("a", "b")}),
        ({"method": {"name": COPY}, "all_stores": True}, {"method": COPY, "all_stores": True}),
        (
            {"method": {"name": DIRECT}, "all_stores_must_succeed": False},
            {"method": DIRECT, "all_stores_must_succeed": False},
        ),
    ],
    ids=str,
)
def test_a_request_is_read(body: dict[str, Any], wish: dict[str, Any]) -> None:
    assert read_import(body, ALL) == ImportRequest(body=body, **wish)


@pytest.mark.parametrize(
    "body",
    [
        {"method": {"name": DOWNLOAD}}, {"method": {"name": DOWNLOAD, "uri": ""}},
        {"method": {"name": DOWNLOAD, "uri": 5}},
        {"method": {"name": "nonsense"}}, {"method": {"name": DIRECT}, "stores": None},
        {"method": {"name": DIRECT}, "all_stores": None}, {"method": {"name": [DIRECT]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_import(body, ALL)


def test_a_method_this_service_lacks_is_unknown() -> None:
    with pytest.raises(BadRequest, match="Unknown import method"):
        read_import({"method": {"name": COPY}}, (DIRECT,))


@pytest.mark.parametrize(
    ("status", "method"),
    [
        ("queued", DIRECT), ("active", DIRECT), ("saving", DIRECT), ("importing", DIRECT), ("deactivated", DIRECT),
        ("uploading", DOWNLOAD), ("active", DOWNLOAD), ("queued", COPY), ("deactivated", COPY),
    ],
)  # fmt: skip
def test_each_method_begins_in_its_own_state(status: str, method: str) -> None:
    with pytest.raises(Conflict):
        check_ready(replace(STAGED, status=status), method)


@pytest.mark.parametrize("change", [{"size": None}, {"disk_format": None}, {"container_format": None}], ids=str)
def test_an_image_that_lacks_something_is_not_ready(change: dict[str, Any]) -> None:
    check_ready(STAGED, DIRECT)
    with pytest.raises(Conflict):
        check_ready(replace(STAGED, **change), DIRECT)


@pytest.mark.parametrize(
    ("status", "minutes", "holds"),
    [
        ("processing", 59, True), ("processing", 60, False), ("pending", 119, True), ("pending", 120, False),
        ("failure", 59, True), ("success", 61, False),
    ],
)  # fmt: skip
def test_a_silent_task_loses_its_image(status: str, minutes: int, holds: bool) -> None:
    task = replace(A_TASK, status=status)
    assert holds_its_image(task, NOW + timedelta(minutes=minutes)) is holds


def test_a_task_that_is_gone_holds_nothing() -> None:
    assert not holds_its_image(None, NOW)


def test_a_task_is_its_owners_and_the_administrators() -> None:
    assert may_see_task(A_TASK, "p", is_admin=False)
    assert may_see_task(A_TASK, "q", is_admin=True)
    assert not may_see_task(A_TASK, "q", is_admin=False)
    assert not may_see_task(replace(A_TASK, owner=None), None, is_admin=False)


def test_how_a_task_ends() -> None:
    assert TaskOutcome.success("i", 5 * 1024**2 + 1) == TaskOutcome(
        status="success", message="Copied 5 MiB", result={"image_id": "i"}
    )
    assert TaskOutcome.failure("why") == TaskOutcome(status="failure", message="why")


def test_stores_of_a_property() -> None:
    image = replace(STAGED, properties={"os_glance_importing_to_stores": "a,b", "os_glance_failed_import": ""})
    assert stores_in(image, "os_glance_importing_to_stores") == ["a", "b"]
    assert stores_in(image, "os_glance_failed_import") == stores_in(image, "nothing") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner),
    max_leaves=8,
)


def _outcome(read: Callable[[], object]) -> object:
    """What became of a body: a request, or the status it is refused with."""
    try:
        return "a request" if read() is not None else None
    except ServiceError as error:
        return error.status


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the bodies
@given(body=JSON)
def test_whatever_is_asked_for_is_a_valid_request_or_a_clear_refusal(body: Any) -> None:
    for read in (lambda: read_import(body, ALL), lambda: read_task(body)):
        assert _outcome(read) in ("a request", 400, 403, 404, 409, 413, 501)
