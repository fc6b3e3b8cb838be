"""What administrators ask compute about hosts and usage. The answers' forms and refusals are a real Nova's."""

from typing import Any

import orjson

from support.builders.images import an_image
from support.builders.servers import a_server
from support.cloud import JsonClient, TestCloud


async def show(client: JsonClient, path: str, version: str = "2.1", status: int = 200) -> Any:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return (await client.get("compute", f"/v2.1{path}", headers=headers)).ok(status).json


async def test_hosts_show_what_they_have_and_who_uses_it(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    everything = [
        {"host_name": name, "service": "compute", "zone": "nova"} for name in ("compute-1", "compute-2")
    ]  # fmt: skip
    for query, hosts in {"": everything, "?zone=": everything, "?zone=nova": everything, "?zone=other": []}.items():
        assert (await show(admin, f"/os-hosts{query}"))["hosts"] == hosts
    host = (await show(admin, f"/servers/{server_id}"))["server"]["OS-EXT-SRV-ATTR:host"]
    total, now, most, own = [one["resource"] for one in (await show(admin, f"/os-hosts/{host}"))["host"]]
    assert total == {"host": host, "project": "(total)", "cpu": 64, "memory_mb": 262144, "disk_gb": 2048}
    used = {"host": host, "cpu": 1, "memory_mb": 512, "disk_gb": 1}
    assert [now, most, own] == [
        {**used, "project": project} for project in ("(used_now)", "(used_max)", demo.project_id)
    ]  # fmt: skip
    for change in ("startup", "shutdown", "reboot"):
        await show(admin, f"/os-hosts/{host}/{change}", status=501)
        await show(admin, f"/os-hosts/nope/{change}", status=404)
        await show(demo, f"/os-hosts/{host}/{change}", status=403)
    for name, body, status in (
        (host, {"status": "enable"}, 501),
        ("nope", {"maintenance_mode": "Disable"}, 404),
        (host, {}, 400),
        (host, {"status": "nonsense"}, 400),
        (host, {"status": "enable", "other": "x"}, 400),
    ):
        (await admin.put("compute", f"/v2.1/os-hosts/{name}", json=body)).ok(status)
    await show(admin, "/os-hosts/nope", status=404)
    await show(demo, "/os-hosts", status=403)
    await show(admin, "/os-hosts", "2.43", 404)


async def test_hypervisors_are_found_by_a_part_of_their_names(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    shown = (await show(admin, f"/servers/{server_id}"))["server"]
    host, name = shown["OS-EXT-SRV-ATTR:host"], shown["OS-EXT-SRV-ATTR:instance_name"]
    found = (await show(admin, "/os-hypervisors/compute/search"))["hypervisors"]
    assert [one["hypervisor_hostname"] for one in found] == ["compute-1", "compute-2"]
    found = (await show(admin, "/os-hypervisors/compute/servers", "2.52"))["hypervisors"]
    servers = {one["hypervisor_hostname"]: one.get("servers") for one in found}
    assert servers == {"compute-1": None, "compute-2": None, host: [{"uuid": server_id, "name": name}]}
    listed = (await show(admin, "/os-hypervisors?with_servers=true", "2.75"))["hypervisors"]
    assert {one["hypervisor_hostname"]: len(one["servers"]) for one in listed} == {
        "compute-1": int(host == "compute-1"),
        "compute-2": int(host == "compute-2"),
    }
    ident = found[0]["id"]
    for path, version, status in (
        ("nope/search", "2.1", 404),
        ("nope/servers", "2.1", 404),
        ("compute/search", "2.53", 404),
        ("compute/servers", "2.53", 404),
        (f"{ident}/uptime", "2.1", 200),
        ("999/uptime", "2.1", 404),
        (f"{listed[0]['id']}/uptime", "2.87", 200),
        (f"{listed[0]['id']}/uptime", "2.88", 404),
    ):
        await show(admin, f"/os-hypervisors/{path}", version, status)
    for path in ("compute/search", "compute/servers", f"{ident}/uptime"):
        await show(demo, f"/os-hypervisors/{path}", status=403)


async def test_a_processor_is_json_text_until_it_is_an_object(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    (old, *_), (new, *_) = [(await show(admin, "/os-hypervisors/detail", v))["hypervisors"] for v in ("2.27", "2.28")]
    assert orjson.loads(old["cpu_info"]) == new["cpu_info"] != {}


async def test_usage_is_summed_for_each_project_over_a_period(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    servers = [await a_server(cloud, demo, imageRef=await an_image(demo)) for _ in range(2)]
    (await demo.delete("compute", f"/v2.1/servers/{servers[0]}")).ok(204)
    await cloud.settle()
    period = "start=2014-01-01T00:00:00"
    usage = (await show(demo, f"/os-simple-tenant-usage/{demo.project_id}?{period}"))["tenant_usage"]
    gone, running = usage["server_usages"]
    assert [(one["instance_id"], one["state"], one["vcpus"], one["memory_mb"], one["local_gb"], one["flavor"])
            for one in (gone, running)] == [
        (servers[0], "terminated", 1, 512, 1, "m1.tiny"), (servers[1], "active", 1, 512, 1, "m1.tiny")
    ]  # fmt: skip
    assert (usage["start"], usage["tenant_id"]) == ("2014-01-01T00:00:00.000000", demo.project_id)
    assert usage["total_hours"] == usage["total_vcpus_usage"] == gone["hours"] + running["hours"]
    assert usage["total_memory_mb_usage"] == 512 * gone["hours"] + 512 * running["hours"]
    assert gone["ended_at"] > gone["started_at"]
    assert running["ended_at"] is None
    (everybody,) = (await show(admin, f"/os-simple-tenant-usage?{period}"))["tenant_usages"]
    assert everybody["tenant_id"] == demo.project_id
    assert "server_usages" not in everybody
    (detailed,) = (await show(admin, f"/os-simple-tenant-usage?{period}&detailed=1"))["tenant_usages"]
    assert len(detailed["server_usages"]) == 2
    page = await show(admin, f"/os-simple-tenant-usage?{period}&detailed=1&limit=1", "2.40")
    (following,) = page["tenant_usages_links"]
    path = following["href"].removeprefix(demo.urls["compute"]).removeprefix("/v2.1")
    (second,) = (await show(admin, path, "2.40"))["tenant_usages"]
    assert [one["instance_id"] for one in second["server_usages"]] == [servers[1]]
    nobody = "/os-simple-tenant-usage/" + "0" * 32
    assert await show(admin, f"{nobody}?{period}") == {"tenant_usage": {}}
    own = f"/os-simple-tenant-usage/{demo.project_id}"
    for client, path, status in (
        (demo, "/os-simple-tenant-usage", 403),
        (demo, nobody, 403),
        (demo, f"{own}?start=nonsense", 400),
        (demo, f"{own}?start=2014-01-02T00:00:00&end=2014-01-01T00:00:00", 400),
        (demo, own, 200),
        (demo, f"{own}?start=2100-01-01T00:00:00", 400),
        (demo, f"{own}?end=2014-01-01T00:00:00", 400),
        (demo, "/os-simple-tenant-usage/", 404),
    ):
        await show(client, path, status=status)
    await show(admin, f"/os-simple-tenant-usage?{period}&marker=nope", "2.40", 400)


async def test_no_host_has_audited_the_last_month(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    audit = (await show(admin, "/os-instance_usage_audit_log/2026-01-20%2010:00:00"))["instance_usage_audit_log"]
    assert audit == {
        "period_beginning": "2025-12-01 00:00:00",
        "period_ending": "2026-01-01 00:00:00",
        "num_hosts": 2,
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": 2,
        "hosts_not_run": ["compute-1", "compute-2"],
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": "0 of 2 hosts done. 0 errors.",
        "log": {},
    }
    now = (await show(admin, "/os-instance_usage_audit_log"))["instance_usage_audit_logs"]
    assert now["num_hosts_not_run"] == 2
    await show(admin, "/os-instance_usage_audit_log/bad", status=400)
    await show(demo, "/os-instance_usage_audit_log", status=403)


async def test_a_servers_password_is_empty_where_no_guest_posts_one(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    path = f"/servers/{await a_server(cloud, demo, imageRef=await an_image(demo))}/os-server-password"
    assert await show(demo, path) == {"password": ""}
    (await demo.delete("compute", f"/v2.1{path}")).ok(204)
    await show(alt, path, status=404)


async def test_extensions_are_listed_under_novas_names(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    extensions = (await show(demo, "/extensions"))["extensions"]
    assert len(extensions) == 99
    assert {"os-hosts": "Hosts", "NMN": "Multinic"}.items() <= {e["alias"]: e["name"] for e in extensions}.items()
    assert (await show(demo, "/extensions/os-consoles"))["extension"]["alias"] == "os-consoles"
    await show(demo, "/extensions/nope", status=404)


async def test_a_new_private_flavor_is_in_nobodys_access_list(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    flavor = {"name": "private", "ram": 64, "vcpus": 1, "disk": 0, "os-flavor-access:is_public": False}
    made = (await admin.post("compute", "/v2.1/flavors", json={"flavor": flavor})).ok(200).json["flavor"]
    assert await show(admin, f"/flavors/{made['id']}/os-flavor-access") == {"flavor_access": []}


async def test_the_actions_of_a_deleted_server_can_be_read_since_2_21(cloud: TestCloud) -> None:
    demo, admin, alt = await cloud.http("demo"), await cloud.http("admin"), await cloud.http("alt")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    event = {"name": "volume-extended", "server_uuid": server_id, "tag": "0" * 8 + "-0000-4000-8000-000000000000"}
    headers = {"OpenStack-API-Version": "compute 2.51"}
    path = "/v2.1/os-server-external-events"
    (await admin.post("compute", path, json={"events": [event]}, headers=headers)).ok(200)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    path = f"/servers/{server_id}/os-instance-actions"
    actions = (await show(demo, path, "2.21"))["instanceActions"]
    assert [action["action"] for action in actions] == ["delete", "extend_volume", "create"]
    shown = (await show(demo, f"{path}/{actions[0]['request_id']}", "2.21"))["instanceAction"]
    assert shown["action"] == "delete"
    await show(demo, path, "2.20", 404)
    await show(alt, path, "2.21", 404)
