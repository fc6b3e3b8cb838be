"""Aggregates: groups of hosts with metadata, which may name an availability zone. Refusals are a Nova 34's."""

from collections.abc import Mapping
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import a_server
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.ear import Ear

AGGREGATES = "/v2.1/os-aggregates"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "compute"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def asked(client: JsonClient, method: str, path: str = "", version: str = "2.95", **json: Any) -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return await client.request(method, "compute", f"{AGGREGATES}{path}", json=json or None, headers=headers)


async def made(admin: JsonClient, name: str, zone: str | None = None) -> Any:
    answer = await asked(admin, "POST", aggregate={"name": name, "availability_zone": zone})
    return answer.ok(200).json["aggregate"]


async def changed(admin: JsonClient, aggregate: Any, **action: Any) -> Answer:
    return await asked(admin, "POST", f"/{aggregate['id']}/action", **action)


async def zones(client: JsonClient, path: str = "") -> Mapping[str, Any]:
    answer = (await client.get("compute", f"/v2.1/os-availability-zone{path}")).ok(200).json
    return {
        zone["zoneName"]: (zone["zoneState"]["available"], zone["hosts"]) for zone in answer["availabilityZoneInfo"]
    }


async def test_an_aggregate_is_made_named_filled_and_deleted(cloud: TestCloud, admin: JsonClient) -> None:
    ear = Ear(cloud, "aggregate.")
    aggregate = await made(admin, "racks")
    assert list(aggregate) == ["id", "uuid", "name", "created_at", "updated_at", "deleted_at", "deleted",
                               "availability_zone"]  # fmt: skip
    path = f"/{aggregate['id']}"
    assert (await asked(admin, "PUT", path, aggregate={"name": " shelves "})).ok(200).json["aggregate"][
        "name"
    ] == "shelves"
    metadata = {"os_distro": "ubuntu", "team": "a"}
    (await changed(admin, aggregate, set_metadata={"metadata": metadata})).ok(200)
    (await changed(admin, aggregate, set_metadata={"metadata": {"team": None}})).ok(200)
    (await changed(admin, aggregate, add_host={"host": "compute-1"})).ok(200)
    shown = (await asked(admin, "GET", path, "2.40")).ok(200).json["aggregate"]
    assert (shown["hosts"], shown["metadata"], "uuid" in shown) == (["compute-1"], {"os_distro": "ubuntu"}, False)
    assert (await asked(admin, "DELETE", path)).status == 400  # it has a host
    (await changed(admin, aggregate, remove_host={"host": "compute-1"})).ok(200)
    assert (await asked(admin, "DELETE", path)).ok(200).body == b""
    assert (await asked(admin, "GET")).ok(200).json == {"aggregates": []}
    await cloud.settle()
    await ear.watch.cancel()
    changes = ["create", "update_prop", *["update_metadata"] * 2, "add_host", "remove_host", "delete"]
    ends = [name for name, _ in ear.heard if name.endswith(".end")]
    for spelled in ([change.replace("_", "") for change in changes], changes):
        expected = [f"aggregate.{change}.end" for change in spelled]
        assert [name for name in ends if name in expected][-1:] == expected[-1:]
        assert set(expected) <= set(ends)
    assert len(ear.heard) == 4 * len(changes)


REFUSED = {
    "no name": ("POST", "", {"aggregate": {}}, 400),
    "a key too many": ("POST", "", {"aggregate": {"name": "x", "hosts": []}}, 400),
    "a name that is taken": ("POST", "", {"aggregate": {"name": "one"}}, 409),
    "blanks around a name": ("POST", "", {"aggregate": {"name": " x"}}, 400),
    "a colon in a zone": ("POST", "", {"aggregate": {"name": "x", "availability_zone": "a:b"}}, 400),
    "no change": ("PUT", "/1", {"aggregate": {}}, 400),
    "a zone without a name": ("PUT", "/1", {"aggregate": {"availability_zone": None}}, 400),
    "the name of another": ("PUT", "/1", {"aggregate": {"name": "two"}}, 409),
    "no such aggregate": ("PUT", "/77", {"aggregate": {"name": "x"}}, 404),
    "no id": ("GET", "/x", {}, 400),
    "an id beyond all": ("GET", "/99999999999", {}, 404),
    "a zone taken away": ("POST", "/1/action", {"set_metadata": {"metadata": {"availability_zone": None}}}, 400),
    "metadata that is no text": ("POST", "/1/action", {"set_metadata": {"metadata": {"a": 1}}}, 400),
    "a host that is none": ("POST", "/1/action", {"add_host": {"host": "nowhere"}}, 404),
    "a host that is not in it": ("POST", "/1/action", {"remove_host": {"host": "compute-2"}}, 404),
    "a host that is in it": ("POST", "/1/action", {"add_host": {"host": "compute-1"}}, 409),
    "an action that is none": ("POST", "/1/action", {"grow": {}}, 400),
    "images named twice": ("POST", "/1/images", {"cache": [{"id": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"}] * 2}, 400),
    "no images": ("POST", "/1/images", {"cache": []}, 400),
}


async def test_what_no_aggregate_can_be_is_refused(admin: JsonClient, demo: JsonClient) -> None:
    one, _ = await made(admin, "one"), await made(admin, "two")
    (await changed(admin, one, add_host={"host": "compute-1"})).ok(200)
    before = (await asked(admin, "GET")).json
    for name, (method, path, body, status) in REFUSED.items():
        answer = await asked(admin, method, path, **body)
        assert (name, answer.status) == (name, status)
        assert (await asked(demo, method, path, **body)).status in (400, 403), name
    assert (await asked(admin, "POST", "/1/images", "2.80", cache=[])).status == 404
    assert (await asked(admin, "GET")).json == before


async def test_a_host_is_in_one_zone_and_its_servers_stay_there(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    red, blue, plain = await made(admin, "red", "red"), await made(admin, "blue", "blue"), await made(admin, "plain")
    (await changed(admin, red, add_host={"host": "compute-1"})).ok(200)
    assert (await changed(admin, blue, add_host={"host": "compute-1"})).status == 409
    assert await zones(demo) == {"nova": (True, None), "red": (True, None)}
    assert list((await zones(admin, "/detail"))["red"][1]) == ["compute-1"]
    services = (await admin.get("compute", "/v2.1/os-services")).ok(200).json["services"]
    assert {service["host"]: service["zone"] for service in services} == {"compute-1": "red", "compute-2": "nova"}
    image = await an_image(demo)
    await a_server(cloud, demo, imageRef=image, availability_zone="red")
    assert (await changed(admin, red, remove_host={"host": "compute-1"})).status == 409
    for wish in ({"availability_zone": "green"}, {"name": "x", "availability_zone": "green"}):
        assert (await asked(admin, "PUT", f"/{red['id']}", aggregate=wish)).status == 400
    assert (await asked(admin, "GET", f"/{red['id']}")).json["aggregate"]["name"] == "red"
    for host in ("compute-1", "compute-2"):
        (await changed(admin, plain, add_host={"host": host})).ok(200)
    (await changed(admin, plain, remove_host={"host": "compute-1"})).ok(200)


async def test_hosts_fetch_images_before_a_server_needs_them(cloud: TestCloud, admin: JsonClient) -> None:
    image, gone = await an_image(admin), "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"
    aggregate = await made(admin, "near")
    (await changed(admin, aggregate, add_host={"host": "compute-1"})).ok(200)
    ear, sent = Ear(cloud, "aggregate.cache_images"), Ear(cloud, "image.send")
    cache = [{"id": image}, {"id": gone}]
    for _ in range(2):
        assert (await asked(admin, "POST", f"/{aggregate['id']}/images", cache=cache)).status == 202
        await cloud.settle()
    await ear.watch.cancel()
    await sent.watch.cancel()
    assert [name.rpartition(".")[2] for name, _ in ear.heard] == ["start", "progress", "end"] * 2
    assert [(heard["images_cached"], heard["images_failed"]) for heard in ear.data("progress")] == [
        ([image], [gone])
    ] * 2
    assert len(sent.heard) == 1  # the second time it is there
