"""The v1 API's headers and filters: what they are read as, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stackwire.core.errors import BadRequest, Forbidden, ServiceError
from stackwire.image.domain import v1_listing, v1_meta
from stackwire.image.domain.image import Image
from stackwire.image.domain.v1_meta import V1ImageRequest, image_headers, image_view, read, updated

NOBODY = "11111111-1111-4111-8111-111111111111"
NOW = datetime(2016, 1, 8, 17, 54, 23, 999, UTC)


def an_image(**fields: Any) -> Image:
    return Image(**{"id": NOBODY, "created_at": NOW, "updated_at": NOW, "owner": "o", **fields})


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("x-image-meta-property-os_type", "os_type"),
        ("X-Image-Meta-Property-OS-Type", "os_type"),
        ("X-IMAGE-META-PROPERTY-MYKEY", "mykey"),
        ("x-image-meta-property-property-x", "property_x"),
    ],
)
def test_a_property_loses_its_case_and_its_dashes(header: str, name: str) -> None:
    assert read([(header, "Linux")]).properties == {name: "Linux"}


def test_an_empty_property_is_null() -> None:
    assert read([("x-image-meta-property-kernel_id", "")]).properties == {"kernel_id": None}


def test_attributes_are_read_as_what_they_are() -> None:
    request = read([
        ("X-Image-Meta-Name", "i"), ("x-image-meta-min-disk", "1"), ("x-image-meta-min_ram", "2"),
        ("x-image-meta-is_public", "True"), ("x-image-meta-protected", "no"), ("x-image-meta-size", "0"),
        ("x-image-meta-checksum", "a" * 32), ("x-glance-api-copy-from", "http://a/"), ("x-other", "ignored"),
    ])  # fmt: skip
    assert request.base == {"name": "i", "min_disk": 1, "min_ram": 2, "protected": False}
    assert (request.is_public, request.size, request.checksum, request.copy_from) == (True, 0, "a" * 32, "http://a/")


def test_is_public_none_is_what_glanceclient_sends_for_an_image_that_is_not() -> None:
    assert read([("x-image-meta-is_public", "None")]).is_public is False


@pytest.mark.parametrize("format_", ["ami", "ari", "aki"])
def test_the_parts_of_an_ami_are_of_one_kind(format_: str) -> None:
    both = {"disk_format": format_, "container_format": format_}
    for name in both:
        assert read([(f"x-image-meta-{name}", format_)]).base == both
    with pytest.raises(BadRequest, match="mix"):
        read([("x-image-meta-disk_format", format_), ("x-image-meta-container_format", "bare")])
    with pytest.raises(BadRequest, match="mix"):
        read([("x-image-meta-disk_format", "raw"), ("x-image-meta-container_format", format_)])


@pytest.mark.parametrize(
    ("header", "value", "error"),
    [
        ("x-image-meta-nonsense", "x", BadRequest),
        ("x-image-meta-visibility", "public", BadRequest),
        ("x-image-meta-size", "-1", BadRequest),
        ("x-image-meta-size", "", BadRequest),
        ("x-image-meta-size", "9" * 19, BadRequest),
        ("x-image-meta-size", "\u0661", BadRequest),
        ("x-image-meta-min_disk", "1.5", BadRequest),
        ("x-image-meta-min_ram", str(2**31), BadRequest),
        ("x-image-meta-is_public", "maybe", BadRequest),
        ("x-image-meta-protected", "", BadRequest),
        ("x-image-meta-disk_format", "floppy", BadRequest),
        ("x-image-meta-container_format", "box", BadRequest),
        ("x-image-meta-name", "n" * 256, BadRequest),
        ("x-image-meta-id", "5", BadRequest),
        ("x-image-meta-checksum", "no", BadRequest),
        ("x-image-meta-location", "", BadRequest),
        ("x-glance-api-copy-from", "", BadRequest),
        ("x-image-meta-property-", "x", BadRequest),
        ("x-image-meta-property-status", "active", Forbidden),
        ("x-image-meta-property-owner", "me", Forbidden),
        ("x-image-meta-property-locations", "x", Forbidden),
        ("x-image-meta-property-kernel_id", "x", BadRequest),
        ("x-image-meta-property-" + "k" * 256, "x", BadRequest),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: str, value: str, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        read([(header, value)])


def test_two_headers_of_one_name_are_refused() -> None:
    with pytest.raises(BadRequest):
        read([("x-image-meta-property-a-b", "1"), ("x-image-meta-property-a_b", "2")])


@pytest.mark.parametrize("name", ["status", "created_at", "updated_at", "deleted_at", "deleted", "uri", "virtual_size"])
def test_what_the_service_says_is_never_the_clients_to_say(name: str) -> None:
    request = read([(f"x-image-meta-{name}", "active")])
    with pytest.raises(Forbidden):
        v1_meta.check_new(request)
    with pytest.raises(Forbidden):
        updated(an_image(), request, private="private", purge=True, with_data=False)


def test_what_was_shown_may_be_sent_back_and_changes_nothing() -> None:
    image = an_image(
        name="i", disk_format="raw", container_format="bare", status="active", size=3, checksum="a" * 32,
        virtual_size=3, properties={"a": "1", "os_glance_failed_import": ""},
    )  # fmt: skip
    request = read(image_headers(image).items())
    assert updated(image, request, private="private", purge=True, with_data=False) == image


def test_purging_takes_what_is_not_given_and_leaves_what_is_the_services() -> None:
    image = an_image(properties={"a": "1", "b": "2", "os_glance_failed_import": "file"})
    request = V1ImageRequest(properties={"b": "3"})
    assert updated(image, request, private="private", purge=True, with_data=False).properties == {
        "b": "3", "os_glance_failed_import": "file",
    }  # fmt: skip
    assert updated(image, request, private="private", purge=False, with_data=False).properties == {
        "a": "1", "b": "3", "os_glance_failed_import": "file",
    }  # fmt: skip
    with pytest.raises(Forbidden):
        updated(image, V1ImageRequest(properties={"os_glance_x": "1"}), private="private", purge=False, with_data=False)


@pytest.mark.parametrize(
    ("before", "is_public", "after"),
    [("private", True, "public"), ("public", False, "private"), ("shared", False, "shared"),
     ("community", False, "community"), ("shared", None, "shared"), ("public", True, "public")],
)  # fmt: skip
def test_is_public_is_half_of_what_visibility_is(before: str, is_public: bool | None, after: str) -> None:
    image = an_image(visibility=before)
    request = V1ImageRequest(is_public=is_public)
    assert updated(image, request, private="private", purge=True, with_data=False).visibility == after


@pytest.mark.parametrize("change", [{"size": 4}, {"checksum": "b" * 32}, {"base": {"disk_format": "qcow2"}}])
def test_what_an_active_image_is_stays(change: dict[str, Any]) -> None:
    request = V1ImageRequest(**change)
    image = an_image(status="active", size=3, checksum="a" * 32, disk_format="raw", container_format="bare")
    with pytest.raises(Forbidden):
        updated(image, request, private="private", purge=True, with_data=False)
    updated(replace(image, status="queued"), request, private="private", purge=True, with_data=False)


def test_nothing_in_an_image_makes_another_header() -> None:
    image = an_image(name="a\r\nX-Evil: 1", properties={"a b": "x", "MyKey": "1\r\n2", "n": None, "\u00e9": "x"})
    headers = image_headers(image)
    assert headers["x-image-meta-name"] == "a  X-Evil: 1"
    assert {name for name in headers if "property" in name} == {"x-image-meta-property-mykey"}
    assert not any(set("\r\n") & set(name + value) for name, value in headers.items())


def test_an_image_is_shown_with_its_properties_apart() -> None:
    view = image_view(an_image(visibility="shared", properties={"MyKey": "v", "n": None}))
    assert view["properties"] == {"MyKey": "v", "n": None}
    assert (view["is_public"], view["size"], view["deleted"]) == (False, 0, False)
    assert view["created_at"] == "2016-01-08T17:54:23.000000"


# ---- filters


def test_a_filter_by_a_property_loses_its_prefix_and_no_more() -> None:
    query = v1_listing.read(
        [("property-os_type", "linux"), ("property-property-x", "1"), ("property-image_type", "snapshot")],
        is_admin=False,
    )
    assert query.properties == (("os_type", "linux"), ("property-x", "1"), ("image_type", "snapshot"))


@pytest.mark.parametrize(
    ("is_admin", "given", "as_user", "visibility"),
    [(True, None, True, None), (True, "true", True, None), (True, "none", False, "all"), (True, "False", False, "all"),
     (False, "none", True, None), (False, "0", True, None)],
)  # fmt: skip
def test_administrators_see_what_users_see_unless_they_ask(
    is_admin: bool, given: str | None, as_user: bool, visibility: str | None
) -> None:
    query = v1_listing.read([] if given is None else [("is_public", given)], is_admin=is_admin)
    assert (query.as_user, query.visibility) == (as_user, visibility)


def test_what_changed_includes_what_went_away() -> None:
    query = v1_listing.read([("changes-since", "2016-01-08T17:54:23Z")], is_admin=False)
    (condition,) = query.conditions
    assert (condition.column, condition.operator, condition.value) == (
        "updated_at", ">", NOW.replace(microsecond=0),
    )  # fmt: skip
    assert query.deleted is None


@pytest.mark.parametrize(
    "pair",
    [("changes-since", "0001-01-01T00:00:00+14:00"), ("changes-since", "yesterday"),
     ("is_public", "maybe"), ("limit", "-1"), ("limit", "x"), ("marker", "x"),
     ("sort_key", "owner"), ("sort_dir", "up"), ("size_min", "-1"), ("min_ram", "x"), ("protected", "x"),
     ("nonsense", "x"), ("deleted", "perhaps")],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(BadRequest):
        v1_listing.read([pair], is_admin=True)


def test_only_administrators_ask_for_deleted_images() -> None:
    assert v1_listing.read([("deleted", "true")], is_admin=True).deleted is True
    with pytest.raises(Forbidden):
        v1_listing.read([("deleted", "true")], is_admin=False)
