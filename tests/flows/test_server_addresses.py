"""Every server has a fixed address, except those that asked for none."""

import json
import re
from ipaddress import IPv4Network

import openstack
import pytest

from flows.test_server_build import TINY, flavor, guest
from stackwire.compute.db import fixed_ips
from stackwire.compute.domain.addresses import network
from stackwire.contracts import compute_workers as calls
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.rpc import RpcClient
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, create_server, finish_action, get_server
from support.cloud import TestCloud
from support.polling import until

MAC = re.compile(r"fa:16:3e(:[0-9a-f]{2}){3}")


@pytest.fixture
async def cloud(a_cloud) -> TestCloud:
    return await a_cloud()


async def a_small_network(a_cloud, fixed_range) -> TestCloud:
    return await a_cloud(settings={"compute": {"fixed_range": fixed_range}})


def address_of(server):
    (found,) = server["addresses"]["private"]
    return found["addr"]


async def listed(client, query, version="2.93"):
    headers = {"OpenStack-API-Version": f"compute {version}"}
    answer = await client.get("compute", f"/v2.1/servers/detail?{query}", headers=headers)
    return [one["name"] for one in answer.ok(200).json["servers"]]


async def kept(cloud):
    """Addresses somebody has, by server."""
    rows = await cloud.rows("compute", "SELECT instance_uuid, host(address) AS address FROM fixed_ips ORDER BY address")
    return {row["instance_uuid"]: row["address"] for row in rows}


async def memory_of(cloud, server_id):
    """The row that says whether a network was allocated."""
    rows = await cloud.rows(
        "compute",
        "SELECT value FROM instance_system_metadata WHERE instance_uuid = $1 AND key = 'network_allocated'",
        server_id,
    )
    return [row["value"] for row in rows]


async def test_a_server_has_an_address_and_shows_it_everywhere(cloud):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo), networks="auto")
    (found,) = server["addresses"]["private"]
    mac = found["OS-EXT-IPS-MAC:mac_addr"]
    assert MAC.fullmatch(mac)
    shown = {"version": 4, "addr": "10.0.0.2", "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": mac}
    assert (server["status"], server["addresses"]) == ("ACTIVE", {"private": [shown]})
    path = f"/v2.1/servers/{server['id']}"
    brief = {"private": [{"version": 4, "addr": "10.0.0.2"}]}
    assert (await demo.get("compute", f"{path}/ips")).ok(200).json == {"addresses": brief}
    assert (await demo.get("compute", f"{path}/ips/private")).ok(200).json == brief
    (await demo.get("compute", f"{path}/ips/public")).ok(404)
    all_of_them = (await demo.get("compute", "/v2.1/servers/detail")).ok(200).json["servers"]
    assert [one["addresses"] for one in all_of_them] == [{"private": [shown]}]
    old, new = {"OpenStack-API-Version": "compute 2.74"}, SERVER_VERSION
    wish = {"server": {"name": "other"}}
    assert (await demo.put("compute", path, json=wish, headers=old)).ok(200).json["server"]["addresses"] == brief
    assert (await demo.put("compute", path, json=wish, headers=new)).ok(200).json["server"]["addresses"] == {
        "private": [shown]
    }
    assert server["accessIPv4"] == "10.0.0.2"
    assert await memory_of(cloud, server["id"]) == []


@pytest.mark.parametrize("networks", [{}, {"networks": []}])
async def test_before_2_37_a_server_that_names_no_network_has_an_address(cloud, networks):
    demo = await cloud.http("demo")
    wish = {"name": "old", "flavorRef": await flavor(demo, TINY), "imageRef": await an_image(demo), **networks}
    headers = {"OpenStack-API-Version": "compute 2.36"}
    made = await demo.post("compute", "/v2.1/servers", json={"server": wish}, headers=headers)
    await cloud.settle()
    assert address_of(await get_server(demo, made.ok(202).json["server"]["id"])) == "10.0.0.2"


async def test_a_server_that_asks_for_none_has_none(cloud):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo), networks="none")
    assert (server["status"], server["addresses"]) == ("ACTIVE", {})
    path = f"/v2.1/servers/{server['id']}/ips"
    assert (await demo.get("compute", path)).ok(200).json == {"addresses": {}}
    (await demo.get("compute", f"{path}/private")).ok(404)
    assert (await guest(cloud, server["id"])).findall("devices/interface") == []


async def test_servers_made_at_once_have_different_addresses_and_macs(cloud):
    demo = await cloud.http("demo")
    await create_server(cloud, demo, imageRef=await an_image(demo), networks="auto", max_count=6)
    servers = (await demo.get("compute", "/v2.1/servers/detail")).ok(200).json["servers"]
    found = [one["addresses"]["private"][0] for one in servers]
    assert sorted(one["addr"] for one in found) == [f"10.0.0.{n}" for n in range(2, 8)]
    assert len({one["OS-EXT-IPS-MAC:mac_addr"] for one in found}) == 6


async def test_a_deleted_servers_address_is_free_for_the_next(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    first = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    second = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    assert (address_of(first), address_of(second)) == ("10.0.0.2", "10.0.0.3")
    (await demo.delete("compute", f"/v2.1/servers/{first['id']}")).ok(204)
    await cloud.settle()
    assert await kept(cloud) == {second["id"]: "10.0.0.3"}
    assert address_of(await create_server(cloud, demo, imageRef=image_id, networks="auto")) == "10.0.0.2"


async def test_servers_are_found_by_the_beginning_of_their_address(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    for name, networks in (("a", "auto"), ("b", "auto"), ("c", "none")):
        await create_server(cloud, demo, imageRef=image_id, name=name, networks=networks)
    assert await listed(demo, "ip=10.0.0.2") == ["a"]
    assert await listed(demo, "ip=10.0.0.&sort_key=display_name&sort_dir=asc") == ["a", "b"]
    assert await listed(demo, "ip=.*3$") == ["b"]
    assert await listed(demo, "ip=0.0.2") == [], "a pattern is for the beginning"
    assert await listed(demo, "ip=2|10.0.0.3$") == ["b"]
    assert await listed(demo, "ip6=.*") == []
    assert await listed(demo, "ip=10.0.0.3&ip6=fe80") == ["b"]
    assert await listed(demo, "ip6=fe80", "2.1") == ["c", "b", "a"], "no filter of a plain user's then"


@pytest.mark.parametrize("pattern", ["10.(", "*", "(?P<n>1)", "(?<!a)1", "\\Z", "(?s:.)", "(?(1)a|b)", "1{0,999}"])
async def test_a_pattern_that_is_none_is_refused_and_never_an_error_of_ours(cloud, pattern):
    demo = await cloud.http("demo")
    for name in ("ip", "ip6"):
        answer = await demo.get(
            "compute", f"/v2.1/servers?{name}={pattern.replace('+', '%2B')}", headers=SERVER_VERSION
        )
        assert answer.status in (200, 400), answer.body


async def test_a_full_network_leaves_the_server_in_error_and_says_why(a_cloud):
    cloud = await a_small_network(a_cloud, "192.168.7.0/30")
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    lucky = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    unlucky = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    assert address_of(lucky) == "192.168.7.2"
    assert (unlucky["status"], unlucky["addresses"]) == ("ERROR", {})
    assert unlucky["fault"]["message"] == "No fixed address is left on network private."
    assert await cloud.rows("compute", "SELECT 1 FROM allocations WHERE instance_uuid = $1", unlucky["id"]) == []
    assert (await create_server(cloud, demo, imageRef=image_id, networks="none"))["status"] == "ACTIVE"
    for server in (unlucky, lucky):
        (await demo.delete("compute", f"/v2.1/servers/{server['id']}")).ok(204)
        await cloud.settle()
    assert address_of(await create_server(cloud, demo, imageRef=image_id, networks="auto")) == "192.168.7.2"


async def test_a_build_that_fails_gives_the_address_back(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_vif_model="netfront")
    server = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    assert (server["status"], server["addresses"]) == ("ERROR", {})
    assert "netfront" in server["fault"]["message"]
    assert await kept(cloud) == {}
    assert await memory_of(cloud, server["id"]) == ["False"], "as Nova leaves it"


async def test_a_redelivered_build_and_a_rebuild_keep_the_address(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    before = server["addresses"]
    (row,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server["id"])
    transport = await connect("memory", name="again", broker=cloud.cloud.broker)
    client = RpcClient(transport)
    told = {"nova_object.data": {"uuid": server["id"]}}
    order = calls.BuildAndRunInstance(instance=told, image={}, request_spec={}, block_device_mapping={"objects": []})
    await client.cast(RequestContext(user_id="u", project_id="p"), order, server=row["host"])
    await cloud.settle()
    await client.close()
    await transport.close()
    assert (await get_server(demo, server["id"]))["addresses"] == before
    other = await an_image(demo, data=b"y" * 1000, hw_vif_model="e1000")
    (await finish_action(cloud, demo, server["id"], rebuild={"imageRef": other})).ok(202)
    assert (await get_server(demo, server["id"]))["addresses"] == before
    interface = (await guest(cloud, server["id"])).find("devices/interface")
    assert interface.find("model").get("type") == "e1000"


async def test_who_asks_twice_gets_the_same_address_and_gaps_are_filled_first(cloud):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo), networks="none")
    other = await create_server(cloud, demo, imageRef=await an_image(demo), networks="none")
    here = network(IPv4Network("10.9.0.0/29"))
    macs = iter(["fa:16:3e:00:00:01", "fa:16:3e:00:00:01", "fa:16:3e:00:00:02", "fa:16:3e:00:00:03"])
    async with cloud.cloud.services["compute"].database.work(RequestContext()) as uow:

        async def allocate(uuid):
            return await fixed_ips.allocate(uow, uuid, here, lambda: next(macs))

        first = await allocate(server["id"])
        assert (first.address, await allocate(server["id"])) == ("10.9.0.2", first)
        second = await allocate(other["id"])
        assert (second.address, second.mac) == ("10.9.0.3", "fa:16:3e:00:00:02"), "a MAC drawn twice is drawn again"
        assert await fixed_ips.release(uow, server["id"])
        assert not await fixed_ips.release(uow, server["id"])
        assert (await allocate(server["id"])).address == "10.9.0.2"


@pytest.mark.parametrize(("properties", "model"), [({}, "virtio"), ({"hw_vif_model": "e1000"}, "e1000")])
async def test_the_guest_has_an_interface_for_the_address(cloud, properties, model):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo, **properties), networks="auto")
    (interface,) = (await guest(cloud, server["id"])).findall("devices/interface")
    assert interface.find("mac").get("address") == server["addresses"]["private"][0]["OS-EXT-IPS-MAC:mac_addr"]
    assert interface.find("model").get("type") == model
    assert re.fullmatch(r"tap[0-9a-f]{8}-[0-9a-f]{2}", interface.find("target").get("dev"))


async def test_the_ends_of_a_build_and_a_rebuild_tell_the_address_in_both_formats(cloud):
    demo = await cloud.http("demo")
    heard = []

    def hear(record):
        if record.kind == "publish" and record.exchange == "nova" and "notifications." in record.routing_key:
            heard.append(unwrap(record.body, record.properties))

    watch = cloud.cloud.broker.watch(hear)
    image_id = await an_image(demo)
    server = await create_server(cloud, demo, imageRef=image_id, networks="auto")
    (await finish_action(cloud, demo, server["id"], rebuild={"imageRef": image_id})).ok(202)
    (await demo.delete("compute", f"/v2.1/servers/{server['id']}")).ok(204)
    await cloud.settle()
    await watch.cancel()
    (found,) = server["addresses"]["private"]
    flat = {
        "address": found["addr"], "type": "fixed", "version": 4, "meta": {}, "floating_ips": [], "label": "private",
        "vif_mac": found["OS-EXT-IPS-MAC:mac_addr"],
    }  # fmt: skip

    def told(event_type):
        return [one["payload"] for one in heard if one["event_type"] == event_type]

    for event_type in ("compute.instance.create.end", "compute.instance.rebuild.end"):
        assert [one["fixed_ips"] for one in told(event_type)] == [[flat]]
    (rich,) = told("instance.create.end")[0]["nova_object.data"]["ip_addresses"]
    data = rich["nova_object.data"]
    assert (rich["nova_object.name"], rich["nova_object.version"]) == ("IpPayload", "1.0")
    assert data == {
        "label": "private", "mac": flat["vif_mac"], "meta": {}, "port_uuid": data["port_uuid"], "version": 4,
        "address": flat["address"], "device_name": f"tap{data['port_uuid'][:11]}",
    }  # fmt: skip
    counts = {
        event_type: len(told(event_type)[0]["nova_object.data"]["ip_addresses"])
        for event_type in ("instance.create.start", "instance.shutdown.start", "instance.delete.end")
    }
    assert counts == {"instance.create.start": 0, "instance.shutdown.start": 1, "instance.delete.end": 0}
    tasks = [one["state_description"] for one in told("compute.instance.update")]
    assert list(dict.fromkeys(tasks))[:5] == ["scheduling", "", "networking", "block_device_mapping", "spawning"]


@pytest.mark.parametrize(
    "networks",
    [[{"uuid": "11111111-2222-4333-8444-555555555555"}], [{"port": "11111111-2222-4333-8444-555555555555"}],
     [{"uuid": "11111111-2222-4333-8444-555555555555", "fixed_ip": "10.0.0.9"}], [{"fixed_ip": "10.0.0.9"}]],
)  # fmt: skip
async def test_a_network_of_ones_own_is_refused(cloud, networks):
    demo = await cloud.http("demo")
    wish = {"name": "srv", "flavorRef": await flavor(demo, TINY), "imageRef": await an_image(demo)}
    answer = await demo.post(
        "compute", "/v2.1/servers", json={"server": {**wish, "networks": networks}}, headers=SERVER_VERSION
    )
    assert "network" in answer.ok(400).json["badRequest"]["message"]
    assert (await demo.get("compute", "/v2.1/servers")).ok(200).json == {"servers": []}


@pytest.mark.parametrize("action", ["addFixedIp", "removeFixedIp", "addFloatingIp", "removeFloatingIp"])
async def test_addresses_cannot_be_added_or_taken_away(cloud, action):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo), networks="auto")
    (await finish_action(cloud, demo, server["id"], **{action: {"networkId": "1"}})).ok(501)
    assert (await get_server(demo, server["id"]))["addresses"] == server["addresses"]


@pytest.mark.parametrize("how", ["as our clouds.yaml says", "as it comes"])
async def test_the_sdks_cloud_layer_makes_a_server_and_waits_for_it(cloud, how):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)

    def use(configured):
        plain = {"region_name": "RegionOne", "load_yaml_config": False, "load_envvars": False}
        connection = configured
        if how == "as it comes":
            connection = openstack.connect(auth=configured.config.config["auth"], **plain)
        server = connection.create_server("sdk", image=image_id, flavor=TINY, wait=True, timeout=60)
        found = [one.name for one in connection.compute.servers(ipv4_address="10.0.0.2")]
        told = server.status, server.private_v4, sorted(server.addresses), found
        connection.delete_server(server.id, wait=True, timeout=60)
        return told

    assert await cloud.sdk(use) == ("ACTIVE", "10.0.0.2", ["private"], ["sdk"])
    assert await kept(cloud) == {}


async def test_the_openstack_command_shows_the_address(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    words = ("--image", image_id, "--flavor", TINY, "--nic", "auto", "--wait", "web", "-f", "json")
    made = json.loads(await cloud.openstack("server", "create", *words))
    assert (made["status"], made["addresses"]) == ("ACTIVE", {"private": ["10.0.0.2"]})
    found = json.loads(await cloud.openstack("server", "list", "--ip", "10.0.0", "-f", "json"))
    assert [(one["Name"], one["Networks"]) for one in found] == [("web", {"private": ["10.0.0.2"]})]


async def test_a_build_that_a_dead_host_left_half_way_gives_the_address_back(a_cloud):
    cloud = await a_cloud(settings={"compute": {"sweep_seconds": 0.1}})
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo), networks="auto")
    moved = "vm_state = 'building', task_state = 'spawning', updated_at = now() - interval '5 minutes'"
    await cloud.rows("compute", f"UPDATE instances SET {moved} WHERE uuid = $1 RETURNING uuid", server["id"])

    async def failed():
        found = await get_server(demo, server["id"])
        return found if found["status"] == "ERROR" else None

    found = await until(failed, 20)
    assert (found["addresses"], await kept(cloud)) == ({}, {})
