"""What is asked of the guest in a server, and the consoles that open on it."""

import uuid
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, get_server, server_action
from support.cloud import Answer, JsonClient, TestCloud

TOKENS = "/v2.1/os-console-auth-tokens"
Body = dict[str, Any]


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def read(client: JsonClient, server_id: str, part: str, version: str) -> Answer:
    return await client.get("compute", f"{SERVERS}/{server_id}/{part}", headers=at(version))


async def console(client: JsonClient, server_id: str, protocol: str, kind: str, version: str = "2.99") -> Answer:
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    return await client.post("compute", f"{SERVERS}/{server_id}/remote-consoles", json=body, headers=at(version))


@pytest.fixture
async def server_id(cloud: TestCloud, demo: JsonClient) -> str:
    return await a_server(cloud, demo, imageRef=await an_image(demo), networks="auto")


async def test_a_password_is_changed_in_a_running_guest(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    for bad in ({}, None, {"adminPass": 1}, {"adminPass": "x", "other": 1}):
        assert (await server_action(demo, server_id, changePassword=bad)).status == 400, bad
    changed = (await server_action(demo, server_id, changePassword={"adminPass": "s3cret"})).ok(202)
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None
    admin, request = await cloud.http("admin"), changed.headers["X-Openstack-Request-Id"]
    action = (await read(admin, server_id, f"os-instance-actions/{request}", "2.93")).ok(200).json["instanceAction"]
    assert (action["action"], action["message"]) == ("changePassword", None)
    assert [(each["event"], each["result"]) for each in action["events"]] == [("compute_set_admin_password", "Success")]
    await cloud.rows("compute", "UPDATE instances SET power_state = 4 WHERE uuid = $1 RETURNING id", server_id)
    assert (await server_action(demo, server_id, changePassword={"adminPass": "x"})).status == 409, "it does not run"
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None


async def test_a_password_that_a_dead_host_was_changing_is_changed_no_further(a_cloud) -> None:
    cloud: TestCloud = await a_cloud()
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    sql = "UPDATE instances SET task_state = 'updating_password' WHERE uuid = $1 RETURNING id"
    await cloud.rows("compute", sql, server_id)
    await cloud.cloud.restart("compute")
    await cloud.settle()
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None


async def test_a_password_that_a_guest_posted_is_cleared(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    path = "os-server-password"
    assert (await read(demo, server_id, path, "2.1")).ok(200).json == {"password": ""}
    sql = (
        "INSERT INTO instance_system_metadata (instance_uuid, key, value, created_at)"
        " VALUES ($1, 'password_0', 'abc', now()), ($1, 'password_1', 'def', now()) RETURNING id"
    )
    await cloud.rows("compute", sql, server_id)
    assert (await read(demo, server_id, path, "2.1")).ok(200).json == {"password": "abcdef"}
    (await demo.delete("compute", f"{SERVERS}/{server_id}/{path}")).ok(204)
    assert (await read(demo, server_id, path, "2.1")).ok(200).json == {"password": ""}


async def test_a_crash_dump_is_requested_and_announced(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    heard: list[str] = []

    def hear(record: WireRecord) -> None:
        message = unwrap(record.body, record.properties) if record.kind == "publish" else {}
        heard.append(message.get("event_type") or message.get("method") or "")

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    assert (await server_action(demo, server_id, "2.16", trigger_crash_dump=None)).status == 404
    assert (await server_action(demo, server_id, "2.17", trigger_crash_dump={})).status == 400
    (await server_action(demo, server_id, "2.17", trigger_crash_dump=None)).ok(202)
    await cloud.settle()
    await watch.cancel()
    events = [
        f"{form}.trigger_crash_dump.{phase}" for phase in ("start", "end") for form in ("compute.instance", "instance")
    ]
    assert [each for each in heard if "crash" in each] == ["trigger_crash_dump", *events]
    output = (await server_action(demo, server_id, **{"os-getConsoleOutput": {"length": 1}})).ok(200).json["output"]
    assert "NMI" in output


async def test_network_information_is_injected_by_an_administrator_and_reset_by_nobody(
    cloud: TestCloud, demo: JsonClient, server_id: str
) -> None:
    admin = await cloud.http("admin")
    assert (await server_action(demo, server_id, injectNetworkInfo=None)).status == 403
    (await server_action(admin, server_id, injectNetworkInfo=None)).ok(202)
    await cloud.settle()
    assert (await server_action(admin, server_id, resetNetwork=None)).status == 410


async def test_diagnostics_are_of_the_running_guest(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    admin = await cloud.http("admin")
    assert (await read(demo, server_id, "diagnostics", "2.48")).status == 403
    old = (await read(admin, server_id, "diagnostics", "2.47")).ok(200).json
    assert (old["memory"], old["cpu0_time"], old["vda_read"]) == (512 * 1024, 0, 0)
    new = (await read(admin, server_id, "diagnostics", "2.48")).ok(200).json
    assert (new["state"], new["driver"], new["num_cpus"], new["num_nics"], new["num_disks"]) == (
        "running", "libvirt", 1, 1, 1,
    )  # fmt: skip
    assert new["memory_details"] == {"maximum": 512, "used": 512}
    assert new["nic_details"][0]["mac_address"].startswith("fa:16:3e:")
    assert len(new) == 13
    assert (await read(admin, server_id, "diagnostics?x=1", "2.102")).status == 400
    (await server_action(demo, server_id, **{"os-stop": None})).ok(202)
    await cloud.settle()
    assert (await read(admin, server_id, "diagnostics", "2.48")).status == 409


async def test_the_topology_is_what_image_and_flavor_make_of_the_guest(
    cloud: TestCloud, demo: JsonClient, server_id: str
) -> None:
    assert (await read(demo, server_id, "topology", "2.77")).status == 404
    assert (await read(demo, server_id, "topology", "2.78")).ok(200).json == {"nodes": [], "pagesize_kb": None}
    numa = await a_server(cloud, demo, imageRef=await an_image(demo, hw_numa_nodes="1", hw_cpu_policy="dedicated"))
    cell = {"vcpu_set": [0], "siblings": [], "memory_mb": 512}
    assert (await read(demo, numa, "topology", "2.78")).ok(200).json == {"nodes": [cell], "pagesize_kb": None}
    admin = await cloud.http("admin")
    shown = (await read(admin, numa, "topology", "2.78")).ok(200).json["nodes"]
    assert shown == [{**cell, "host_node": 0, "cpu_pinning": {"0": 0}}]


# ---- consoles


async def test_a_console_opens_with_its_token_for_a_while(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    admin, bases = await cloud.http("admin"), {"novnc": "http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D"}
    for protocol, kind in (("vnc", "novnc"), ("spice", "spice-html5"), ("spice", "spice-direct"), ("serial", "serial")):
        opened = (await console(demo, server_id, protocol, kind)).ok(200).json["remote_console"]
        assert (opened["protocol"], opened["type"]) == (protocol, kind)
        assert opened["url"].startswith(bases.get(kind, "http" if protocol == "spice" else "ws://127.0.0.1:6083/"))
        token = opened["url"][-36:]
        assert (await admin.get("compute", f"{TOKENS}/{token}", headers=at("2.30"))).status == 400
        assert (await demo.get("compute", f"{TOKENS}/{token}", headers=at("2.31"))).status == 403
        found = (await admin.get("compute", f"{TOKENS}/{token}", headers=at("2.31"))).ok(200).json["console"]
        assert (found["instance_uuid"], set(found)) == (
            server_id, {"instance_uuid", "host", "port", "internal_access_path"},
        )  # fmt: skip
        newer = (await admin.get("compute", f"{TOKENS}/{token}", headers=at("2.99"))).ok(200).json["console"]
        assert ("tls_port" in newer) is (kind == "spice-direct")
    await cloud.rows(
        "compute", "UPDATE console_auth_tokens SET expires = 1 WHERE instance_uuid = $1 RETURNING id", server_id
    )
    assert (await admin.get("compute", f"{TOKENS}/{token}", headers=at("2.31"))).status == 404
    (await console(demo, server_id, "vnc", "novnc")).ok(200)
    sql = "SELECT token_hash FROM console_auth_tokens WHERE instance_uuid = $1"
    assert len(await cloud.rows("compute", sql, server_id)) == 1, "expired tokens are gone"
    (await demo.delete("compute", f"{SERVERS}/{server_id}")).ok(204)
    await cloud.settle()
    assert await cloud.rows("compute", sql, server_id) == []


async def test_consoles_that_are_none_are_refused(cloud: TestCloud, demo: JsonClient, server_id: str) -> None:
    refused = {
        ("vnc", "novnc", "2.5"): 404, ("vnc", "xvpvnc", "2.6"): 400, ("vnc", "serial", "2.6"): 400,
        ("mks", "webmks", "2.7"): 400, ("mks", "webmks", "2.8"): 400, ("spice", "spice-direct", "2.98"): 400,
        ("rdp", "rdp-html5", "2.6"): 400, ("tty", "serial", "2.6"): 400,
    }  # fmt: skip
    for (protocol, kind, version), status in refused.items():
        assert (await console(demo, server_id, protocol, kind, version)).status == status, (protocol, kind, version)
    assert (await console(demo, str(uuid.uuid4()), "vnc", "novnc")).status == 404
    old = {"os-getVNCConsole": "novnc", "os-getSPICEConsole": "spice-html5", "os-getSerialConsole": "serial"}
    for name, kind in old.items():
        opened = (await server_action(demo, server_id, "2.5", **{name: {"type": kind}})).ok(200).json["console"]
        assert opened["type"] == kind
        assert (await server_action(demo, server_id, "2.6", **{name: {"type": kind}})).status == 404
    for name in ("os-getRDPConsole", "os-getMKSConsole"):
        assert (await server_action(demo, server_id, "2.5", **{name: {"type": "rdp-html5"}})).status == 400
    sql = "UPDATE instances SET task_state = $2 WHERE uuid = $1 RETURNING id"
    await cloud.rows("compute", sql, server_id, "deleting")
    assert (await console(demo, server_id, "vnc", "novnc")).status == 409
    await cloud.rows("compute", sql, server_id, None)
