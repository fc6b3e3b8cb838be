"""Addresses as a real cloud (2026.2) answers them: slashes, versions in odd places, what nobody serves."""

import json
from typing import Any

import pytest

from support.builders.servers import TINY_FLAVOR
from support.cloud import ASharedCloud, TestCloud

JSON, TEXT, NOVA_ERROR = "application/json", "text/plain; charset=UTF-8", "application/json; charset=UTF-8"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PORTS = {"image": "/v2/images", "volume": "/v3/{project}/volumes", "compute": "/v2.1/servers", "identity": "/v3/users"}
NEGOTIATED = {"Accept": "application/vnd.openstack.images-v2.1"}
TOO_NEW = {"OpenStack-API-Version": "compute 2.500, volume 3.500"}

ANSWERS = [
    *(("image", "GET", path, {}, 200, JSON) for path in ("//v2/images", "/v2//images", "/v2.0/images")),
    ("image", "GET", "/v2.17/images", {}, 200, JSON),
    ("image", "GET", "/images", NEGOTIATED, 200, JSON),
    ("image", "GET", "/images", {"Accept": "application/vnd.openstack.images-v2.99"}, 300, JSON),
    *(("image", "GET", path, {}, 300, JSON) for path in ("/", "//", "/images", "/v1/images", "/v2.19/images")),
    *(("image", "POST", path, {}, 300, JSON) for path in ("/foo", "/image/v2/images")),
    ("image", "POST", "/versions", {}, 200, JSON),
    ("image", "GET", "/v2", {}, 404, TEXT),  # by way of /v2/
    *(("image", "GET", path, {}, 404, TEXT) for path in ("/v2/", "/v2/nothing", "/v2/images/", "/v2.1/nothing")),
    ("image", "PUT", "/v2/images", {}, 405, TEXT),
    ("image", "PUT", f"/v2/images/{UNKNOWN}", {"Accept": "application/json"}, 405, JSON),
    *(("volume", "GET", path, {}, 200, JSON) for path in ("//v3/{project}/volumes", "/v3/{project}//volumes")),
    *(("volume", "GET", path, {}, 200, JSON) for path in ("/v3/volumes", "/v3/volumes/detail", "/v3/", "/v3/limits")),
    *(("volume", method, "/", {}, 300, JSON) for method in ("GET", "POST")),
    ("volume", "GET", "/v3", {}, 200, JSON),  # by way of /v3/
    *(("volume", "GET", path, {}, 400, JSON) for path in ("/v3/abc/volumes", f"/v3/{UNKNOWN}/volumes")),
    *(("volume", "GET", path, {}, 404, TEXT) for path in ("/v2/{project}/volumes", "/foo", "/v3/{project}/", "/v3.0")),
    *(("volume", method, "/v3/{project}/volumes", {}, 404, TEXT) for method in ("PUT", "PATCH", "DELETE")),
    ("volume", "GET", "/v3/{project}/volumes", TOO_NEW, 406, JSON),
    *(("compute", "GET", path, {}, 200, JSON) for path in ("//v2.1/servers", "/v2.1//servers", "/v2//servers")),
    *(("compute", "GET", path, {}, 200, JSON) for path in ("/v2", "/v2/", "/v2.1", "/v2.1/", "/v2.1/{project}/")),
    *(("compute", "GET", path, {}, 200, JSON) for path in ("/v2/servers", "/v2/{project}/servers", "/v2/limits")),
    ("compute", "GET", "/v2.1/versions/v2.1", {}, 200, JSON),
    ("compute", "GET", "/v2.1/versions/v9", {}, 404, NOVA_ERROR),
    ("compute", "GET", "/v2/servers", TOO_NEW, 200, JSON),
    ("compute", "GET", "/", TOO_NEW, 200, JSON),
    *(("compute", "GET", path, TOO_NEW, 406, NOVA_ERROR) for path in ("/v2.1/", "/v2.1/servers")),
    *(("compute", "GET", path, {}, 300, JSON) for path in ("/v3", "/v1/servers", "/servers", "/v2.10/servers")),
    *(("compute", "GET", path, {}, 400, NOVA_ERROR) for path in ("/v2.1/abc/servers", f"/v2.1/{UNKNOWN}/servers")),
    *(("compute", "GET", path, {}, 404, TEXT) for path in ("/v2.1/nothing", "/v2/nothing", "/v2.1/servers/")),
    *(("compute", method, "/v2.1/servers", {}, 404, TEXT) for method in ("PUT", "PATCH", "DELETE")),
    *(("identity", "GET", path, {}, 300, JSON) for path in ("/", "//")),
    *(("identity", "GET", path, {}, 200, JSON) for path in ("/v3", "/v3//", "/v3/auth/projects/", "/v3//auth/catalog")),
    *(("identity", "HEAD", path, {}, 200, JSON) for path in ("/v3", "/v3/auth/projects", "/v3/regions/RegionOne")),
]  # fmt: skip
"""Service, method, path, headers, status, content type. ``{project}`` is the caller's."""


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.mark.parametrize(("service", "method", "path", "headers", "status", "kind"), ANSWERS)
async def test_an_address_is_answered_as_the_recorded_cloud_answers_it(
    cloud: TestCloud, service: str, method: str, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    demo = await cloud.http("demo")
    sent = {"Accept": "application/xml", **headers}
    answer = await demo.request(method, service, path.replace("{project}", demo.project_id), headers=sent)
    assert (answer.status, answer.headers.get("Content-Type")) == (status, kind)


@pytest.mark.parametrize(
    ("service", "path", "status"),
    [
        ("image", "/foo", 300), ("image", "/versions", 200), ("image", "/v2", 401), ("image", "/v2/nothing", 401),
        ("volume", "/", 300), ("volume", "/foo", 404), ("volume", "/v3/", 401), ("volume", "/v3/nothing", 401),
        ("compute", "/foo", 300), ("compute", "/v2", 200), ("compute", "/v2/servers", 401),
        ("compute", "/v2.1/nothing", 401), ("identity", "/v3", 200), ("identity", "/foo", 404),
        ("identity", "/v3/users", 401),
    ],
)  # fmt: skip
async def test_without_a_token_one_sees_versions_and_where_to_get_one(
    cloud: TestCloud, service: str, path: str, status: int
) -> None:
    demo = await cloud.http("demo")
    answer = (await demo.request("GET", service, path, headers={"X-Auth-Token": ""})).ok(status)
    keystone = f'Keystone uri="{cloud.auth_url.removesuffix("/v3")}{"/v3" if service == "identity" else ""}"'
    assert answer.headers.get("WWW-Authenticate") == (keystone if status == 401 else None)


async def test_nova_lists_its_two_versions_and_offers_them_for_what_it_does_not_know(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    listed = (await demo.get("compute", "/")).ok(200).json["versions"]
    assert [(each["id"], each["status"]) for each in listed] == [("v2.0", "DEPRECATED"), ("v2.1", "CURRENT")]
    choices = (await demo.get("compute", "/foo/bar")).ok(300).json["choices"]
    base = listed[0]["links"][0]["href"].removesuffix("/v2/")
    assert [each["links"][0]["href"] for each in choices] == [f"{base}/v2/foo/bar", f"{base}/v2.1/foo/bar"]
    shown = (await demo.get("compute", "/v2/")).ok(200).json["version"]
    assert (shown["id"], shown["media-types"][0]["type"]) == (
        "v2.0",
        "application/vnd.openstack.compute+json;version=2",
    )


async def test_the_legacy_compute_api_knows_no_microversion_and_leaves_unknown_keys_out(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    legacy, root = f"/v2/{demo.project_id}", "/v2.1"
    server = {"name": "a", "flavorRef": TINY_FLAVOR, "imageRef": UNKNOWN, "unknown": "x", "tags": ["since 2.52"]}
    headers = {"OpenStack-API-Version": "compute 2.90", "Content-Type": "application/json"}
    for base, reason in ((root, "unexpected"), (legacy, "Image")):
        sent = headers if base == legacy else {**headers, "OpenStack-API-Version": "compute 2.1"}
        answer = await demo.post(
            "compute", f"{base}/servers", data=json.dumps({"server": server}).encode(), headers=sent
        )
        assert reason in answer.ok(400).json["badRequest"]["message"]
        assert ("OpenStack-API-Version" in answer.headers) is (base == root)
    flavors: list[dict[str, Any]] = (await demo.get("compute", f"{legacy}/flavors")).ok(200).json["flavors"]
    own, bookmark = (each["href"].split(":", 2)[2].split("/", 1)[1] for each in flavors[0]["links"])
    assert own == f"v2/{demo.project_id}/flavors/{flavors[0]['id']}"
    assert bookmark == f"{demo.project_id}/flavors/{flavors[0]['id']}"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream"])
async def test_json_for_the_image_service_may_be_called_anything(cloud: TestCloud, kind: str) -> None:
    demo = await cloud.http("demo")
    body = b'{"name": "a", "disk_format": "raw", "container_format": "bare"}'
    (await demo.post("image", "/v2/images", data=body, headers={"Content-Type": kind})).ok(201)


@pytest.mark.parametrize("service", PORTS)
async def test_an_answer_of_json_says_nothing_of_a_charset(cloud: TestCloud, service: str) -> None:
    admin = await cloud.http("admin")
    path = PORTS[service].replace("{project}", admin.project_id)
    assert (await admin.get(service, path)).ok(200).headers["Content-Type"] == JSON


@pytest.mark.parametrize(
    ("release", "compute", "volume"), [("juno", "2.1", "3.0"), ("pike", "2.53", "3.43"), ("2024.2", "2.96", "3.71")]
)
async def test_a_release_advertises_no_version_that_came_after_it(
    a_shared_cloud: ASharedCloud, release: str, compute: str, volume: str
) -> None:
    demo = await (await a_shared_cloud(release)).http("demo")
    assert (await demo.get("compute", "/")).json["versions"][1]["version"] == compute
    assert (await demo.get("compute", "/v2.1")).json["version"]["version"] == compute
    assert (await demo.get("volume", "/")).json["versions"][0]["version"] == volume
