"""Images, changes and queries survive the way to glance-registry's v2 and back, in the form of Glance's driver."""

from dataclasses import replace
from typing import Any

import pytest

from stackwire.core.errors import Conflict, Forbidden, Gone, NotFound, ServiceError
from stackwire.image.domain import listing
from stackwire.image.domain import registry_commands as commands
from stackwire.image.domain.errors import Duplicate, ImageNotFound, NotOwner, Protected, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location
from stackwire.image.domain.members import Member
from stackwire.image.domain.registry import read_change, read_new
from unit.image.test_registry import IMAGE, NOW

TAGGED = replace(IMAGE, tags=("a", "b"), os_hidden=True, os_hash_algo="sha512", os_hash_value="f" * 128)


def test_an_image_is_the_same_after_its_way_as_a_row() -> None:
    for image in (TAGGED, replace(TAGGED, status="deleted", deleted_at=NOW, locations=(), object=None)):
        assert commands.image_of(commands.primitive(commands.image_row(image))) == image


def test_a_member_is_the_same_after_its_way_as_a_row() -> None:
    member = Member(image_id=IMAGE.id, member="p", status="pending", created_at=NOW, updated_at=NOW)
    assert commands.member_of(commands.primitive(commands.member_row(member))) == member


def test_a_new_image_is_registered_as_it_is() -> None:
    new = read_new(commands.body_of(commands.new_values(replace(TAGGED, status="queued", locations=()))))
    assert new.applied(Image(id=IMAGE.id)).tags == ("a", "b")
    assert (new.columns["os_hidden"], new.columns["visibility"]) == (True, "shared")


@pytest.mark.parametrize(
    ("after", "values", "purge", "from_state"),
    [
        (TAGGED, {"properties": {}}, False, None),
        (replace(TAGGED, tags=("b", "c"), name="j"), {"name": "j", "properties": {}, "tags": ["b", "c"]}, False, None),
        (replace(TAGGED, properties={"a": "2"}), {"properties": {"a": "2"}}, True, None),
        (replace(TAGGED, status="deactivated"), {"status": "deactivated", "properties": {}}, False, "active"),
    ],
)
def test_an_update_names_what_changed(
    after: Image, values: dict[str, Any], purge: bool, from_state: str | None
) -> None:
    found = commands.update_values(TAGGED, after)
    expected = {"image_id": IMAGE.id, "values": values, "purge_props": purge, "from_state": from_state}
    assert found == expected
    assert read_change(commands.body_of(values, from_state), purge=purge).applied(TAGGED) == after


def test_locations_go_along() -> None:
    placed = replace(TAGGED, locations=(*TAGGED.locations, Location(store="web", url="http://b/")))
    values = commands.update_values(TAGGED, placed)["values"]
    assert read_change(commands.body_of(values), purge=False).applied(TAGGED) == placed


@pytest.mark.parametrize(
    "pairs",
    [
        [], [("name", "eq:a:b")], [("name", 'in:"a,b",c'), ("status", "in:active,queued")], [("limit", "7")],
        [("size_min", "5"), ("size_max", "9")], [("min_ram", "5")], [("created_at", "gte:2016-01-01T00:00:00Z")],
        [("tag", "a"), ("tag", "b")],
        [("visibility", "public")], [("visibility", "all")], [("member_status", "all")], [("protected", "true")],
        [("os_hidden", "true")], [("x", "y"), ("z", "in:1")], [("sort", "name:asc,size:desc")], [("marker", IMAGE.id)],
        [("checksum", "0" * 32), ("owner", "p"), ("id", IMAGE.id)],
    ],
)  # fmt: skip
def test_a_query_is_the_same_after_its_way_as_arguments(pairs: list[tuple[str, str]]) -> None:
    query = replace(listing.read(pairs), limit=7)
    assert commands.query_of(commands.query_arguments(query, 7), is_admin=False) == query


def test_what_glances_client_filters_by() -> None:
    shared = commands.query_of({"filters": {"is_public": False, "deleted": False}}, is_admin=False)
    assert [(each.column, each.operator, each.value) for each in shared.conditions] == [("visibility", "<>", "public")]
    assert commands.query_of({"is_public": True}, is_admin=False).visibility == "public"
    assert commands.query_of({"filters": {"deleted": True}, "limit": 0}, is_admin=True).limit == 0
    with pytest.raises(Forbidden):
        commands.query_of({"filters": {"deleted": True}}, is_admin=False)


@pytest.mark.parametrize(
    ("error", "name", "kind"),
    [
        (ImageNotFound(image_id="i"), "glance.common.exception.ImageNotFound", ImageNotFound),
        (Duplicate(image_id="i"), "glance.common.exception.Duplicate", Duplicate),
        (Protected(image_id="i"), "glance.common.exception.ProtectedImageDelete", Protected),
        (NotOwner(), "glance.common.exception.Forbidden", Forbidden),
        (NotFound("x"), "glance.common.exception.NotFound", NotFound),
        (Conflict("x"), "glance.common.exception.Conflict", Conflict),
        (Vanished(image_id="i"), "glance.common.exception.ImageNotFound", ImageNotFound),
    ],
)
def test_an_error_is_an_exception_that_glances_client_knows(
    error: ServiceError, name: str, kind: type[ServiceError]
) -> None:
    result = commands.error_result(error)
    assert result["_error"] == {"cls": name, "val": error.message}
    found = commands.error_of(result)
    assert isinstance(found, kind)
    assert found.message == error.message


def test_what_is_no_error_is_none() -> None:
    for result in (None, 5, [], {"id": "i"}):
        assert commands.error_of(result) is None
    assert not issubclass(Gone, NotFound)
