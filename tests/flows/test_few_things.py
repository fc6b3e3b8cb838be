"""Lists of things there are few of: what a client asks of them is answered, or refused, and never passed over."""

from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, TINY_FLAVOR, a_server, from_volume, server_action
from support.builders.volumes import a_volume
from support.cloud import JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
C = "/v2.1"


async def listed(client: JsonClient, service: str, path: str, key: str) -> tuple[list[str], str | None]:
    """The ids (or request ids) of a page, and the path of the next one."""
    answer = (await client.get(service, path, headers=NEW if service == "volume" else SERVER_VERSION)).ok(200).json
    (links,) = [value for name, value in answer.items() if name.endswith("links")] or [[]]
    after = next((one["href"] for one in links if one["rel"] == "next"), None)
    return [one.get("id") or one["request_id"] for one in answer[key]], after


async def a_walk(cloud: TestCloud, client: JsonClient, service: str, path: str, key: str) -> list[str]:
    """Every id, gathered one a page by following the links."""
    found: list[str] = []
    following: str | None = path
    while following is not None:
        page, following = await listed(client, service, following.removeprefix(cloud.endpoint(service)), key)
        assert len(page) <= 1
        found += page
    return found


async def test_volume_types_are_filtered_sorted_and_paged(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    made = {}
    for name, public, specs in (("b", True, {"speed": "fast"}), ("a", True, {"speed": "slow"}), ("c", False, {})):
        wish = {"name": f"few-{name}", "os-volume-type-access:is_public": public, "extra_specs": specs}
        answer = await admin.post("volume", f"{V}/types", json={"volume_type": wish})
        made[name] = answer.ok(200).json["volume_type"]["id"]
    ours = set(made.values())

    async def found(client: JsonClient, query: str) -> list[str]:
        return [one for one in (await listed(client, "volume", f"{V}/types?{query}", "volume_types"))[0] if one in ours]

    assert await found(demo, "sort=name:asc") == [made["a"], made["b"]]
    assert await found(admin, "extra_specs={'speed':'fast'}") == [made["b"]]
    assert await found(demo, "extra_specs={'speed':'fast'}") == []  # users do not see that spec
    before = {"OpenStack-API-Version": "volume 3.51"}  # what users asked for was ignored then
    for client, expected in ((demo, {made["a"], made["b"]}), (admin, {made["b"]})):
        answer = await client.get("volume", f"{V}/types?extra_specs={{'speed':'fast'}}", headers=before)
        assert {one["id"] for one in answer.ok(200).json["volume_types"]} & ours == expected
    assert await found(admin, "is_public=false") == [made["c"]]
    assert set(await found(admin, "is_public=none")) == ours
    walked = await a_walk(cloud, demo, "volume", f"{V}/types?limit=1&sort=name:desc", "volume_types")
    assert [one for one in walked if one in ours] == [made["b"], made["a"]]
    for query in ("limit=x", "sort=size:asc", "extra_specs=x", "nonsense=1"):
        assert (await demo.get("volume", f"{V}/types?{query}", headers=NEW)).status == 400, query
    assert (await demo.get("volume", f"{V}/types?marker={made['c']}x", headers=NEW)).status == 404


async def test_attachments_after_a_marker_that_is_none_are_not_found(cloud: TestCloud, demo: JsonClient) -> None:
    for _ in range(2):
        wish = {"attachment": {"volume_uuid": await a_volume(cloud, demo)}}
        (await demo.post("volume", f"{V}/attachments", json=wish, headers=NEW)).ok(200)
    everything = (await listed(demo, "volume", f"{V}/attachments", "attachments"))[0]
    assert await a_walk(cloud, demo, "volume", f"{V}/attachments?limit=1", "attachments") == everything
    alt = await cloud.http("alt")
    for client, marker in ((demo, "x"), (alt, everything[0])):
        assert (await client.get("volume", f"{V}/attachments?marker={marker}", headers=NEW)).status == 404


async def test_what_happened_to_a_server_is_asked_for_by_time_and_page(cloud: TestCloud, demo: JsonClient) -> None:
    server = await a_server(cloud, demo, imageRef=await an_image(demo))
    for action in ("os-stop", "os-start"):
        (await server_action(demo, server, **{action: None})).ok(202)
        await cloud.settle()
    path = f"{C}/servers/{server}/os-instance-actions"
    everything = (await listed(demo, "compute", path, "instanceActions"))[0]
    assert len(everything) == 3
    assert await a_walk(cloud, demo, "compute", f"{path}?limit=1", "instanceActions") == everything
    for query, expected in (
        ("changes-since=2001-01-01T00:00:00Z", everything), ("changes-since=2101-01-01T00:00:00Z", []),
        ("changes-before=2001-01-01T00:00:00Z", []), ("changes-before=2101-01-01T00:00:00Z", everything),
    ):  # fmt: skip
        assert (await listed(demo, "compute", f"{path}?{query}", "instanceActions"))[0] == expected, query
    for query in (
        "changes-since=x",
        "nonsense=1",
        "changes-since=2002-01-01T00:00:00&changes-before=2001-01-01T00:00:00",
    ):
        assert (await demo.get("compute", f"{path}?{query}", headers=SERVER_VERSION)).status == 400, query
    older = {"OpenStack-API-Version": "compute 2.65"}
    refused = await demo.get("compute", f"{path}?changes-before=2001-01-01T00:00:00Z", headers=older)
    assert refused.status == 400


async def test_hypervisors_come_in_pages_and_with_their_servers(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    server = await a_server(cloud, demo, imageRef=await an_image(demo))
    path = f"{C}/os-hypervisors"
    everything = (await listed(admin, "compute", path, "hypervisors"))[0]
    assert len(everything) > 1
    assert await a_walk(cloud, admin, "compute", f"{path}?limit=1", "hypervisors") == everything
    answer = await admin.get("compute", f"{path}?with_servers=true", headers=SERVER_VERSION)
    assert server in [one["uuid"] for host in answer.ok(200).json["hypervisors"] for one in host["servers"]]
    for query in ("with_servers=perhaps", "marker=x", "limit=-1"):
        assert (await admin.get("compute", f"{path}?{query}", headers=SERVER_VERSION)).status == 400, query


async def test_a_hypervisor_has_used_what_the_scheduler_allocated(cloud: TestCloud, demo: JsonClient) -> None:
    """``nova/compute/resource_tracker.py: _get_usage_dict``: no root disk for a server that boots from a volume."""
    admin = await cloud.http("admin")
    older = {"OpenStack-API-Version": "compute 2.87"}  # the last version that shows what is used

    async def used() -> dict[str, int]:
        hosts = (await admin.get("compute", f"{C}/os-hypervisors/detail", headers=older)).ok(200).json["hypervisors"]
        return {name: sum(host[name] for host in hosts) for name in ("local_gb_used", "vcpus_used", "running_vms")}

    before = await used()
    local = await a_server(cloud, demo, imageRef=await an_image(demo))
    tiny = 1  # GiB, the root disk of the flavor
    assert await used() == {
        "local_gb_used": before["local_gb_used"] + tiny,
        "vcpus_used": before["vcpus_used"] + 1,
        "running_vms": before["running_vms"] + 1,
    }
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    assert (await used())["local_gb_used"] == before["local_gb_used"] + tiny
    (await demo.delete("compute", f"{C}/servers/{local}")).ok(204)
    await cloud.settle()
    assert (await used())["local_gb_used"] == before["local_gb_used"]


async def test_what_there_is_none_of_is_an_empty_list(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    assert (await admin.get("compute", f"{C}/os-aggregates")).ok(200).json == {"aggregates": []}
    assert (await demo.get("compute", f"{C}/os-aggregates")).status == 403
    assert (await demo.get("compute", f"{C}/os-server-groups")).ok(200).json == {"server_groups": []}


async def test_a_console_tells_of_the_machine_as_far_back_as_one_asks(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo), networks="auto", name="talker")
    told = [
        (await server_action(demo, server_id, **{"os-getConsoleOutput": wanted})).ok(200).json["output"]
        for wanted in ({}, {"length": -1}, {"length": None}, {"length": "2"}, {"length": 0})
    ]
    lines = told[0].splitlines()
    assert [told[1], told[2], told[3], told[4]] == [told[0], told[0], "\n".join(lines[-2:]), ""]
    assert len(lines) > 6
    for part in ("Memory: 512 MiB", "vda: 1 GiB", "eth0: fa:16:3e:", "talker login:"):
        assert part in told[0]
    (await server_action(demo, server_id, **{"os-stop": None})).ok(202)
    await cloud.settle()
    after = (await server_action(demo, server_id, **{"os-getConsoleOutput": {"length": 1}})).ok(200).json["output"]
    assert after == "system: Power down"


async def test_what_would_be_passed_over_in_something_new_is_refused(cloud: TestCloud, demo: JsonClient) -> None:
    hints = {"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": {"same_host": ["x"]}}
    assert (await demo.post("volume", f"{V}/volumes", json=hints)).status == 400
    password = {"user": {"name": "admin", "domain": {"id": "default"}, "password": "secret"}}
    login = {"identity": {"methods": ["password"], "password": password}, "scope": {"system": {"all": True}}}
    given = (await demo.post("identity", "/v3/auth/tokens", json={"auth": login})).ok(201)
    of_the_system = {"X-Auth-Token": given.headers["X-Subject-Token"]}
    server = {"name": "nobody's", "flavorRef": TINY_FLAVOR, "imageRef": await an_image(demo), "networks": "none"}
    admin = await cloud.http("admin")
    answer = await admin.post(
        "compute", f"{C}/servers", json={"server": server}, headers={**SERVER_VERSION, **of_the_system}
    )
    assert answer.status == 403
    everybodys = (await admin.get("compute", f"{C}/servers?all_tenants=1")).ok(200).json["servers"]
    assert "nobody's" not in [one["name"] for one in everybodys]
