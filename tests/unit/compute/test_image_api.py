"""One image in the words of v1 and of v2: the six differences of the mail "Nova + Glance_v2 = Love", one by one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.compute.app import images_of
from stackwire.compute.backends.images_http import HttpImages
from stackwire.compute.domain import image_api
from stackwire.compute.settings import ComputeSettings
from stackwire.core.errors import BadRequest
from stackwire.http.client import HttpClient
from stackwire.image.domain.schemas import image_schema
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.rpc import RpcClient

SINCE = datetime(2016, 1, 8, 17, 54, 23, tzinfo=UTC)
BASE = image_api.base_names(image_schema())


def test_1_what_changed_since_then_is_asked_in_either_version() -> None:
    assert image_api.v1_filters({}, SINCE) == [("changes-since", "2016-01-08T17:54:23Z")]
    assert image_api.v2_filters({}, SINCE) == [("updated_at", "gte:2016-01-08T17:54:23Z")]


@pytest.mark.parametrize(
    ("name", "flat"),
    [("property-os_type", "os_type"), ("property-property-x", "property-x"), ("property-image_type", "image_type"),
     ("name", "name")],
)  # fmt: skip
def test_2_a_filter_by_a_property_loses_its_prefix_in_v2_and_not_a_letter_more(name: str, flat: str) -> None:
    assert image_api.v1_filters({name: "linux"}, None) == [(name, "linux")]
    assert image_api.v2_filters({name: "linux"}, None) == [(flat, "linux")]


def test_3_properties_are_nested_here_and_beside_the_attributes_in_v2() -> None:
    meta = {
        "name": "i", "properties": {"team": "db", "flag": True, "n": 5, "gone": None, "kernel_id": "",
                                    "ramdisk_id": "None", "block_device_mapping": [{"boot_index": 0}]},
    }  # fmt: skip
    flat = {"name": "i", "team": "db", "flag": "True", "n": "5", "block_device_mapping": '[{"boot_index": 0}]'}
    assert image_api.v2_body(meta) == flat
    assert image_api.v1_headers(meta) == {
        "x-image-meta-name": "i",
        **{f"x-image-meta-property-{name}": value for name, value in flat.items() if name != "name"},
    }
    kernel = "11111111-1111-4111-8111-111111111111"
    told = image_api.from_v2({**flat, "kernel_id": kernel, "os_distro": "debian", "status": "queued"}, BASE)
    assert (told["name"], told["status"], told["size"]) == ("i", "queued", 0)
    assert told["properties"] == {
        "team": "db", "flag": "True", "n": "5", "kernel_id": kernel, "os_distro": "debian",
        "block_device_mapping": json.dumps([{"boot_index": 0}]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("meta", "public", "visibility"),
    [({"is_public": True}, "True", "public"), ({"is_public": False}, "False", "private"),
     ({"visibility": "shared"}, "False", "shared"), ({"visibility": "public", "is_public": False}, "True", "public"),
     ({}, None, None)],
)  # fmt: skip
def test_4_is_public_is_a_visibility(meta: dict[str, Any], public: str | None, visibility: str | None) -> None:
    assert image_api.v1_headers(meta).get("x-image-meta-is_public") == public
    assert image_api.v2_body(meta).get("visibility") == visibility


@pytest.mark.parametrize("visibility", ["public", "private", "shared", "community"])
def test_4_no_visibility_is_lost_when_v2_is_read(visibility: str) -> None:
    told = image_api.from_v2({"visibility": visibility}, BASE)
    assert (told["visibility"], told["is_public"]) == (visibility, visibility == "public")
    assert image_api.from_v1({"is_public": visibility == "public"})["is_public"] is (visibility == "public")


@pytest.mark.parametrize(
    ("wish", "filters"),
    [(True, [("visibility", "public")]), ("False", [("visibility", "private")]), ("none", []), (None, [])],
)
def test_4_a_filter_by_is_public_is_one_by_visibility_or_none(wish: Any, filters: list[Any]) -> None:
    assert image_api.v2_filters({"is_public": wish}, None) == filters


def test_5_what_goes_must_be_named_in_v2() -> None:
    meta, existing = {"properties": {"b": "3", "a/b~c": "x"}}, ["a", "b", "os_glance_failed_import", "x/y"]
    added = [
        {"op": "add", "path": "/b", "value": "3"}, {"op": "add", "path": "/a~1b~0c", "value": "x"},
    ]  # fmt: skip
    assert image_api.v2_patch(meta, existing, purge=False) == added
    assert image_api.v2_patch(meta, existing, purge=True) == [
        *added, {"op": "remove", "path": "/a"}, {"op": "remove", "path": "/x~1y"},
    ]  # fmt: skip


def test_6_an_image_without_data_needs_formats_in_v2_and_keeps_those_it_has() -> None:
    assert image_api.empty_v2({"name": "i"}) == {"name": "i", "disk_format": "raw", "container_format": "bare"}
    assert image_api.empty_v2({"container_format": "ovf"})["container_format"] == "ovf"
    with pytest.raises(BadRequest):
        image_api.empty_v2({"disk_format": "qcow2"})


@pytest.mark.parametrize("name", sorted(image_api.READ_ONLY - {"visibility", "is_public"}))
def test_what_only_the_service_says_is_never_sent(name: str) -> None:
    assert image_api.v2_body({name: "x"}) == {}
    assert image_api.v1_headers({name: "x"}) == {}


def test_the_answer_of_v1_is_the_same_image_in_headers_and_in_json() -> None:
    headers = [
        ("X-Image-Meta-Id", "1"), ("x-image-meta-size", "5"), ("x-image-meta-is_public", "False"),
        ("x-image-meta-protected", "True"), ("x-image-meta-created_at", "2016-01-08T17:54:23.000000"),
        ("x-image-meta-property-mykey", "v"), ("Content-Length", "0"),
    ]  # fmt: skip
    told = image_api.from_headers(headers)
    assert told["properties"] == {"mykey": "v"}
    assert (told["id"], told["size"], told["protected"], told["visibility"]) == ("1", 5, True, "private")
    assert (told["created_at"], told["updated_at"]) == ("2016-01-08T17:54:23Z", None)


@pytest.mark.parametrize(
    "properties", [{"a": "1\r\nX-Evil: 1"}, {"a b": "1"}, {"a:b": "1"}, {"\u00e9": "1"}, {"": "\0"}]
)
def test_what_no_header_can_hold_is_refused(properties: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        image_api.v1_headers({"properties": properties})


@pytest.mark.parametrize(
    ("release", "version"), [("icehouse", "v1"), ("mitaka", "v1"), ("newton", "v2"), ("current", "v2")]
)
def test_the_releases_nova_chooses_the_version_it_would_have(release: str, version: str) -> None:
    settings = ComputeSettings(release=release, image_api="auto")
    images = images_of(settings, RpcClient(MemoryTransport(MemoryBroker())), HttpClient("compute"))
    assert isinstance(images, HttpImages)
    assert images.client.prefer == version


@pytest.mark.parametrize(
    ("api", "mode"),
    [
        ("rpc", "size_zero"), ("v2", "size_zero"), ("v1", "upload_empty"), ("v1", "root_location"),
        ("v2", "root_location"), ("auto", "root_location"),
    ],
)  # fmt: skip
def test_a_way_that_the_api_does_not_have_is_refused_at_start(api: str, mode: str) -> None:
    with pytest.raises(ValidationError, match=mode):
        ComputeSettings(database_url="postgresql://x", image_api=api, empty_image_mode=mode)  # type: ignore[arg-type]  # wrong modes too
