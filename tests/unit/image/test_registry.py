"""Images, queries and changes survive the way to glance-registry and back."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stackwire.core.errors import ServiceError
from stackwire.image.backends.registry import _refusal
from stackwire.image.domain import registry, v1_listing
from stackwire.image.domain.errors import ImageNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location

NOW = datetime(2016, 4, 7, 12, 0, 0, 5, tzinfo=UTC)
IMAGE = Image(
    id="11111111-1111-4111-8111-111111111111", name="i", status="active", visibility="shared", owner="p",
    disk_format="raw", container_format="bare", min_disk=1, size=5, checksum="0" * 32, created_at=NOW, updated_at=NOW,
    object="o.1", properties={"a": "1", "b": None}, member_status="pending",
    locations=(Location(store="fast", object="o.1", id=7), Location(store="web", url="http://a/", metadata={"x": 1})),
)  # fmt: skip


def test_an_image_is_the_same_after_its_way_as_json() -> None:
    assert registry.image_of(registry.image_dict(IMAGE)) == IMAGE
    gone = replace(IMAGE, status="deleted", deleted_at=NOW, locations=(), object=None)
    assert registry.image_of(registry.image_dict(gone)) == gone


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize(
    "pairs",
    [
        {}, {"name": "n", "status": "active"}, {"protected": "true"}, {"min_ram": "5", "min_disk": "1"},
        {"size_min": "1", "size_max": "9"}, {"is_public": "false"}, {"is_public": "None"}, {"is_public": "True"},
        {"property-a": "b c", "property-d": "e&f"}, {"changes-since": "2016-01-01T00:00:00+02:00"},
        {"changes-since": "2016-01-01", "deleted": "false"}, {"sort_key": "size", "sort_dir": "asc", "limit": "9"},
        {"marker": IMAGE.id},
    ],
)  # fmt: skip
def test_a_query_is_the_same_after_its_way_as_parameters(pairs: dict[str, str], is_admin: bool) -> None:
    query = v1_listing.read([("limit", "9"), *pairs.items()], is_admin=is_admin)
    assert v1_listing.read(registry.pairs(query, 9), is_admin=is_admin) == query


@pytest.mark.parametrize(
    ("after", "sent", "purge"),
    [
        (IMAGE, {"properties": {}}, False),
        (replace(IMAGE, name="j", properties={**IMAGE.properties, "c": "3"}), {"name": "j", "properties": {"c": "3"}},
         False),
        (replace(IMAGE, properties={"a": "2"}), {"properties": {"a": "2"}}, True),
    ],
)  # fmt: skip
def test_a_change_names_what_changed_and_all_properties_where_some_go(
    after: Image, sent: dict[str, Any], purge: bool
) -> None:
    body, purges = registry.change_body(IMAGE, after)
    assert (body, purges) == ({"image": sent, "from_state": "active"}, purge)
    assert registry.read_change(body, purge=purges).applied(IMAGE) == after


def test_data_that_is_elsewhere_goes_along_with_the_status() -> None:
    queued = replace(IMAGE, status="queued", locations=(), size=None, checksum=None)
    placed = replace(queued, status="active", size=9, locations=(Location(store="web", url="http://a/"),))
    body, purge = registry.change_body(queued, placed)
    assert registry.read_change(body, purge=purge).applied(queued) == placed


@pytest.mark.parametrize(
    ("status", "text", "kind", "message"),
    [
        (404, '{"message": "No image<br /><br />\\n\\n\\n"}', ImageNotFound, "No image"),
        (410, "gone", Vanished, "gone"),
        (500, "a page", None, "The image registry is not available at the moment."),
        (418, "a page", None, "The image registry is not available at the moment."),
    ],
)
def test_a_refusal_of_the_registry_is_one_of_the_apis_and_its_failure_is_503(
    status: int, text: str, kind: type[ServiceError] | None, message: str
) -> None:
    error = ServiceError(text)
    error.status = status  # type: ignore[misc]  # of a class in real life
    found = _refusal(error)
    assert found.message == message
    assert isinstance(found, kind) if kind is not None else found.status == 503
