"""Compute hosts and their services: enabled, disabled, down, deleted; hosts that differ."""

from pathlib import Path
from typing import Any

import pytest

from stackwire.compute.domain.host_file import read_hosts
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS
from support.builders.images import an_image
from support.builders.servers import create_server, get_server
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.ear import Ear

SERVICES = "/v2.1/os-services"
REPO = Path(__file__).parents[2]


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "compute"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def asked(client: JsonClient, method: str, path: str = "", version: str = "2.95", **json: Any) -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return await client.request(method, "compute", f"{SERVICES}{path}", json=json, headers=headers)


async def service_of(admin: JsonClient, host: str, version: str = "2.95") -> Any:
    return (await asked(admin, "GET", f"?host={host}", version)).ok(200).json["services"][0]


async def test_a_disabled_host_gets_no_servers_and_keeps_its_own(cloud: TestCloud, admin: JsonClient) -> None:
    ear, image = Ear(cloud, "service."), await an_image(admin)
    service = await service_of(admin, "compute-1")
    changed = await asked(admin, "PUT", f"/{service['id']}", status="disabled", disabled_reason="new disks")
    shown = changed.ok(200).json["service"]
    assert (shown["status"], shown["disabled_reason"], shown["state"]) == ("disabled", "new disks", "up")
    servers = [await create_server(cloud, admin, imageRef=image) for _ in range(3)]
    assert {server["OS-EXT-SRV-ATTR:host"] for server in servers} == {"compute-2"}
    other = await service_of(admin, "compute-2")
    (await asked(admin, "PUT", f"/{other['id']}", forced_down=True)).ok(200)
    assert (await get_server(admin, servers[0]["id"]))["host_status"] == "DOWN"
    lost = await create_server(cloud, admin, imageRef=image)
    told = "No valid host was found. There are not enough hosts available."
    assert (lost["status"], lost["fault"]["message"]) == ("ERROR", told)
    (await asked(admin, "PUT", f"/{service['id']}", status="enabled")).ok(200)
    back = await create_server(cloud, admin, imageRef=image)
    assert (back["OS-EXT-SRV-ATTR:host"], back["host_status"]) == ("compute-1", "UP")
    await ear.watch.cancel()
    assert [name for name, _ in ear.heard] == ["service.update"] * 3
    assert [(told["disabled"], told["forced_down"]) for told in ear.data()] == [
        (True, False),
        (False, True),
        (False, False),
    ]


async def test_a_service_was_changed_by_its_name_until_2_52(admin: JsonClient) -> None:
    named: dict[str, Any] = {"host": "compute-1", "binary": "nova-compute"}
    for path, more, answer in (
        ("/disable", {}, {"status": "disabled"}),
        ("/disable-log-reason", {"disabled_reason": "why"}, {"status": "disabled", "disabled_reason": "why"}),
        ("/force-down", {"forced_down": "true"}, {"forced_down": True}),
        ("/enable", {}, {"status": "enabled"}),
    ):
        assert (await asked(admin, "PUT", path, "2.52", **named, **more)).ok(200).json == {
            "service": {**named, **answer}
        }
    service = await service_of(admin, "compute-1", "2.52")
    assert isinstance(service["id"], int)
    assert (service["status"], service["disabled_reason"], service["state"]) == ("enabled", None, "down")


REFUSED: list[tuple[str, str, dict[str, Any], int]] = [
    ("/enable", "2.52", {"host": "compute-1"}, 400),
    ("/enable", "2.52", {"host": "compute-1", "binary": "nova-scheduler"}, 400),
    ("/enable", "2.52", {"host": "nowhere", "binary": "nova-compute"}, 404),
    ("/grow", "2.52", {"host": "compute-1", "binary": "nova-compute"}, 404),
    ("/force-down", "2.10", {"host": "compute-1", "binary": "nova-compute"}, 404),
    ("/force-down", "2.10", {"host": "compute-1", "binary": "nova-compute", "forced_down": True}, 400),
    ("/force-down", "2.11", {"host": "compute-1", "binary": "nova-compute"}, 400),
    ("/disable-log-reason", "2.11", {"host": "compute-1", "binary": "nova-compute"}, 400),
    ("/{id}", "2.53", {}, 400),
    ("/{id}", "2.53", {"disabled_reason": "x"}, 400),
    ("/{id}", "2.53", {"status": "enabled", "disabled_reason": "x"}, 400),
    ("/{id}", "2.53", {"status": "asleep"}, 400),
    ("/{id}", "2.53", {"status": "enabled", "host": "x"}, 400),
    ("/enable", "2.53", {"status": "enabled"}, 400),
    ("/6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01", "2.53", {"status": "enabled"}, 404),
]


async def test_what_cannot_be_done_to_a_service_is_refused(admin: JsonClient, demo: JsonClient) -> None:
    before = await service_of(admin, "compute-1")
    for path, version, body, status in REFUSED:
        answer = await asked(admin, "PUT", path.replace("{id}", before["id"]), version, **body)
        assert (path, body, answer.status) == (path, body, status)
    assert (await asked(demo, "PUT", f"/{before['id']}", status="disabled")).status == 403
    assert (await asked(demo, "DELETE", f"/{before['id']}")).status == 403
    after = await service_of(admin, "compute-1")
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


async def test_a_host_without_servers_can_be_deleted(cloud: TestCloud, admin: JsonClient) -> None:
    image = await an_image(admin)
    server = await create_server(cloud, admin, imageRef=image, availability_zone="nova:compute-1")
    body = {"aggregate": {"name": "a"}}
    aggregate = (await admin.post("compute", "/v2.1/os-aggregates", json=body)).json["aggregate"]["id"]
    for host in ("compute-1", "compute-2"):
        action = {"add_host": {"host": host}}
        (await admin.post("compute", f"/v2.1/os-aggregates/{aggregate}/action", json=action)).ok(200)
    used, idle = [(await service_of(admin, host))["id"] for host in ("compute-1", "compute-2")]
    assert (await asked(admin, "DELETE", f"/{used}")).status == 409
    assert (await asked(admin, "DELETE", f"/{idle}")).status == 204
    assert (await asked(admin, "DELETE", f"/{idle}")).status == 404
    hosts = (await admin.get("compute", f"/v2.1/os-aggregates/{aggregate}")).json["aggregate"]["hosts"]
    assert hosts == ["compute-1"]
    assert len((await admin.get("compute", "/v2.1/os-hypervisors")).json["hypervisors"]) == 1
    assert (await get_server(admin, server["id"]))["status"] == "ACTIVE"


async def a_flavor(admin: JsonClient, **specs: str) -> str:
    body = {"flavor": {"name": repr(specs), "ram": 512, "vcpus": 2, "disk": 1}}
    flavor = (await admin.post("compute", "/v2.1/flavors", json=body)).ok(200).json["flavor"]["id"]
    path = f"/v2.1/flavors/{flavor}/os-extra_specs"
    (await admin.post("compute", path, json={"extra_specs": specs})).ok(200)
    return str(flavor)


async def test_hosts_of_a_file_differ_in_what_they_have(a_cloud: ACloud) -> None:
    filters = (*DEFAULT_FILTERS, "NUMATopologyFilter")
    settings = {"compute": {"hosts_file": REPO / "deploy" / "hosts.toml", "enabled_filters": filters}}
    cloud = await a_cloud(services=("identity", "image", "compute"), settings=settings)
    admin = await cloud.http("admin")
    image, arm = await an_image(admin), await an_image(admin, hw_architecture="aarch64")

    async def landed(image: str, **specs: str) -> Any:
        flavor = await a_flavor(admin, **specs)
        return (await create_server(cloud, admin, imageRef=image, flavorRef=flavor))["OS-EXT-SRV-ATTR:host"]

    assert await landed(arm, first="x") == "compute-arm"
    for specs in (
        {"trait:CUSTOM_GPU_NVIDIA": "required"},
        {"capabilities:rack": "b"},
        {"hw:numa_nodes": "2"},
        {"resources:CUSTOM_GPU": "2"},
    ):
        assert await landed(image, **specs) == "compute-gpu", specs
    assert await landed(image, **{"resources:CUSTOM_GPU": "1", "other": "y"}) is None  # both are taken
    found = (await admin.get("compute", "/v2.1/os-hypervisors/detail")).ok(200).json["hypervisors"]
    assert {each["hypervisor_hostname"]: each["vcpus"] for each in found} == {
        "compute-1": 64, "compute-gpu": 16, "compute-arm": 8,
    }  # fmt: skip
    uptime = (await admin.get("compute", f"/v2.1/os-hypervisors/{found[0]['id']}/uptime")).ok(200).json["hypervisor"]
    assert "0 users,  load average" in uptime["uptime"]


@pytest.mark.parametrize("text", ["[hosts]", "[hosts.a]\nvcpus = 0", "[hosts.a]\ncolour = 1", "hosts = 1", "["])
def test_a_file_of_hosts_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_hosts(text)
