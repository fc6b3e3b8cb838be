"""Where a server lands: groups, hints, zones and filters; and that the trace says why."""

import io
from typing import Any

import aiohttp
import pytest

from stackwire.trace.cli import tables
from stackwire.trace.cli.tables import console
from support.builders.images import an_image
from support.builders.servers import create_server, get_server, request_server
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.ear import Ear

GROUPS = "/v2.1/os-server-groups"
FILTERS = (
    "ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter", "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter", "SameHostFilter", "DifferentHostFilter", "AggregateImagePropertiesIsolation",
    "AggregateNumInstancesFilter", "AggregateTypeAffinityFilter", "JsonFilter",
)  # fmt: skip


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    settings = {"compute": {"enabled_filters": FILTERS, "soft_affinity_weight_multiplier": 10}}
    return await a_cloud(services=("trace", "identity", "image", "compute"), settings=settings, trace=True)


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


@pytest.fixture
async def image(demo: JsonClient) -> str:
    return await an_image(demo)


async def asked(client: JsonClient, method: str, path: str = "", version: str = "2.95", **group: Any) -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    body = {"server_group": group} if group else None
    return await client.request(method, "compute", f"{GROUPS}{path}", json=body, headers=headers)


async def a_group(client: JsonClient, policy: str, **rules: int) -> str:
    group = {"name": "g", "policy": policy, **({"rules": rules} if rules else {})}
    return str((await asked(client, "POST", **group)).ok(200).json["server_group"]["id"])


async def hinted(client: JsonClient, image: str, version: str = "2.93", count: int = 1, **hints: Any) -> Answer:
    body = {"server": {"name": "s", "flavorRef": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01", "imageRef": image,
                       "networks": "none", "min_count": count}, "os:scheduler_hints": hints}  # fmt: skip
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return await client.post("compute", "/v2.1/servers", json=body, headers=headers)


async def landed(cloud: TestCloud, client: JsonClient, image: str, **hints: Any) -> Any:
    """The server, as an administrator sees it when the work is done."""
    server_id = (await hinted(client, image, **hints)).ok(202).json["server"]["id"]
    await cloud.settle()
    return await get_server(await cloud.http("admin"), server_id, "2.100")


def host_of(server: Any) -> Any:
    return server["OS-EXT-SRV-ATTR:host"]


async def decision(cloud: TestCloud, server_id: str) -> Any:
    """What the trace says of how the server's host was found."""
    async with aiohttp.ClientSession() as session, session.get(f"{cloud.urls['trace']}/stories/{server_id}") as answer:
        stories = (await answer.json())["stories"]
    arrows = [arrow for story in stories for arrow in story["arrows"] if arrow["name"] == "host.selected"]
    (found,) = [arrow for arrow in arrows if [each["id"] for each in arrow["resources"]] == [server_id]]
    assert found["sender"] == "nova-scheduler"
    shown = console(to_file=io.StringIO())
    shown.print(tables.story(stories[0]))
    selection = found["payload"]["payload"]
    filters = [step["filter"] for step in selection["steps"] if step["removed"]]
    assert all(name in shown.file.getvalue() for name in filters)
    return selection


async def test_a_server_group_is_made_listed_and_deleted(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    ear = Ear(cloud, "group.")
    old = (await asked(demo, "POST", "", "2.12", name="old", policies=["affinity"])).ok(200).json["server_group"]
    assert list(old) == ["id", "name", "policies", "metadata", "members"]
    new = await a_group(demo, "anti-affinity", max_server_per_host=2)
    shown = (await asked(demo, "GET", f"/{new}")).ok(200).json["server_group"]
    assert list(shown) == ["id", "name", "policy", "rules", "members", "project_id", "user_id"]
    assert (shown["policy"], shown["rules"]) == ("anti-affinity", {"max_server_per_host": 2})
    assert [group["id"] for group in (await asked(demo, "GET", "?limit=1&offset=1")).json["server_groups"]] == [new]
    assert (await asked(await cloud.http("alt"), "GET", f"/{new}")).status == 404
    assert len((await asked(admin, "GET", "?all_projects=1")).json["server_groups"]) == 2
    assert (await asked(admin, "GET")).json["server_groups"] == []
    assert (await asked(demo, "DELETE", f"/{old['id']}")).status == 204
    assert (await asked(demo, "DELETE", f"/{old['id']}")).status == 404
    await cloud.settle()
    await ear.watch.cancel()
    verbs = [name for name, _ in ear.heard]
    assert sorted(verbs) == sorted([f"{noun}.{verb}" for noun in ("servergroup", "server_group")
                                    for verb in ("create", "create", "delete")])  # fmt: skip


@pytest.mark.parametrize(
    ("version", "group"),
    [
        ("2.14", {"name": "g", "policies": ["soft-affinity"]}),
        ("2.63", {"name": "g", "policy": "affinity"}),
        ("2.64", {"name": "g", "policies": ["affinity"]}),
        ("2.15", {"name": "g", "policies": ["affinity", "affinity"]}),
        ("2.15", {"name": "g", "policies": []}),
        ("2.64", {"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}),
        ("2.64", {"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}}),
        ("2.64", {"name": "g", "policy": "anti-affinity", "rules": {"x": 1}}),
        ("2.64", {"name": " g", "policy": "affinity"}),
        ("2.64", {"name": "g", "policy": "legacy"}),
    ],
)
async def test_what_no_group_can_be_is_refused(demo: JsonClient, version: str, group: dict[str, Any]) -> None:
    assert (await asked(demo, "POST", "", version, **group)).status == 400
    assert (await asked(demo, "GET")).json == {"server_groups": []}


async def test_the_third_server_apart_has_no_valid_host_and_the_trace_says_why(
    cloud: TestCloud, demo: JsonClient, image: str
) -> None:
    group = await a_group(demo, "anti-affinity")
    servers = [await landed(cloud, demo, image, group=group) for _ in range(3)]
    assert {host_of(server) for server in servers} == {"compute-1", "compute-2", None}
    lost = servers[2]
    assert (lost["status"], lost["server_groups"], lost["scheduler_hints"]) == ("ERROR", [group], {"group": [group]})
    assert lost["fault"]["message"].startswith("No valid host was found.")
    members = (await asked(demo, "GET", f"/{group}")).json["server_group"]["members"]
    assert members == [server["id"] for server in servers]
    why = await decision(cloud, lost["id"])
    last = why["steps"][-1]
    assert (why["host"], last["filter"], last["remaining"]) == (None, "ServerGroupAntiAffinityFilter", [])
    assert last["removed"] == dict.fromkeys(("compute-1", "compute-2"), f"group {group} has 1 of 1 there")
    assert (await decision(cloud, servers[1]["id"]))["host"] == host_of(servers[1])


async def test_servers_of_one_request_are_apart_too(cloud: TestCloud, demo: JsonClient, image: str) -> None:
    group = await a_group(demo, "anti-affinity")
    (await hinted(demo, image, count=2, group=group)).ok(202)
    await cloud.settle()
    rows = await cloud.rows("compute", "SELECT host FROM instances ORDER BY host")
    assert [row["host"] for row in rows] == ["compute-1", "compute-2"]


@pytest.mark.parametrize("policy", ["affinity", "soft-affinity"])
async def test_servers_of_a_group_are_together(cloud: TestCloud, demo: JsonClient, image: str, policy: str) -> None:
    group = await a_group(demo, policy)
    assert len({host_of(await landed(cloud, demo, image, group=group)) for _ in range(3)}) == 1


async def test_a_group_and_its_servers_are_limited(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient, image: str
) -> None:
    quotas = {"quota_set": {"server_groups": 1, "server_group_members": 1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quotas)).ok(200)
    group = await a_group(demo, "affinity")
    assert (await asked(demo, "POST", name="g", policy="affinity")).status == 403
    assert (await hinted(demo, image, count=2, group=group)).status == 403
    await landed(cloud, demo, image, group=group)
    assert (await hinted(demo, image, group=group)).status == 403
    used = (await demo.get("compute", "/v2.1/limits")).json["limits"]["absolute"]
    assert (used["totalServerGroupsUsed"], used["totalInstancesUsed"]) == (1, 1)


async def test_hints_place_a_server_by_another(cloud: TestCloud, demo: JsonClient, image: str) -> None:
    first = await landed(cloud, demo, image)
    same = await landed(cloud, demo, image, same_host=first["id"])
    other = await landed(cloud, demo, image, different_host=[first["id"], same["id"]], colour="green")
    assert host_of(same) == host_of(first) != host_of(other)
    why = await decision(cloud, other["id"])
    assert why["unread_hints"] == ["colour"]
    assert {step["filter"]: step["removed"] for step in why["steps"] if step["removed"]} == {
        "DifferentHostFilter": {host_of(first): f"different_host={first['id']}"}
    }
    for wrong in ({"group": "name"}, {"group": first["id"]}, {"same_host": ["x"]}, {"cidr": "x"}, {"colour": 5},
                  {"_nova_check_type": ["rebuild"]}, {"query": {"a": "b"}}):  # fmt: skip
        assert (await hinted(demo, image, **wrong)).status == 400, wrong


async def test_an_aggregate_keeps_images_of_another_kind_away(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    """Only properties that the compute service gives a meaning to count: ``team`` does not."""
    await an_aggregate(admin, "compute-1", os_distro="ubuntu", team="b")
    fedora = await an_image(demo, os_distro="fedora", team="a")
    for _ in range(2):
        server = await landed(cloud, demo, fedora)
        assert host_of(server) == "compute-2"
    (step,) = [step for step in (await decision(cloud, server["id"]))["steps"] if step["removed"]]
    assert step["removed"] == {"compute-1": "os_distro=fedora, the aggregate has ubuntu"}
    on = {host_of(await landed(cloud, demo, await an_image(demo, os_distro="ubuntu", team="a"))) for _ in range(2)}
    assert "compute-1" in on


async def an_aggregate(admin: JsonClient, host: str, **metadata: str) -> None:
    body = {"aggregate": {"name": host}}
    aggregate = (await admin.post("compute", "/v2.1/os-aggregates", json=body)).ok(200).json["aggregate"]["id"]
    for action in ({"set_metadata": {"metadata": metadata}}, {"add_host": {"host": host}}):
        (await admin.post("compute", f"/v2.1/os-aggregates/{aggregate}/action", json=action)).ok(200)


async def test_servers_of_one_request_count_for_each_other(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient, image: str
) -> None:
    """An aggregate lets one server onto its host: of three that are asked for at once, too."""
    await an_aggregate(admin, "compute-1", max_instances_per_host="1", instance_type="m1.tiny, m1.small")
    (await hinted(demo, image, count=3)).ok(202)
    await cloud.settle()
    rows = await cloud.rows("compute", "SELECT host, uuid FROM instances ORDER BY host, id")
    assert [row["host"] for row in rows] == ["compute-1", "compute-2", "compute-2"]
    (step,) = [step for step in (await decision(cloud, rows[2]["uuid"]))["steps"] if step["removed"]]
    assert (step["filter"], step["removed"]) == (
        "AggregateNumInstancesFilter", {"compute-1": "max_instances_per_host=1, it has 1"}
    )  # fmt: skip
    lost = await landed(cloud, demo, image, query='["=", "$host", "compute-1"]')
    assert (lost["status"], (await decision(cloud, lost["id"]))["steps"][-1]["filter"]) == ("ERROR", "JsonFilter")


async def test_a_host_that_fails_builds_comes_last_until_it_builds_one(
    cloud: TestCloud, demo: JsonClient, image: str
) -> None:
    unbuildable = await an_image(demo, hw_video_model="xen")
    failed = await landed(cloud, demo, unbuildable)
    assert failed["fault"]["message"].endswith("video model xen is not supported by this hypervisor")
    first = (await decision(cloud, failed["id"]))["host"]
    assert first == "compute-1"
    assert {host_of(await landed(cloud, demo, image)) for _ in range(3)} == {"compute-2"}
    weights = (await decision(cloud, (await landed(cloud, demo, image))["id"]))["weights"]
    assert {host: figures["BuildFailureWeigher"] for host, figures in weights.items()} == {first: -1e6, "compute-2": 0}
    other = await landed(cloud, demo, image, query='["=", "$failed_builds", 1]')
    assert host_of(other) == first
    assert host_of(await landed(cloud, demo, image)) == first


async def test_an_administrator_chooses_the_host(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    image = await an_image(admin)
    forced = [{"availability_zone": f"nova:{host}"} for host in ("compute-2", "compute-2:compute-2", ":compute-2")]
    named = [{"host": "compute-2"}, {"hypervisor_hostname": "compute-2"}]
    for wish in (*forced, *named):
        assert (await request_server(demo, imageRef=image, **wish)).status == 403, wish
        assert host_of(await create_server(cloud, admin, imageRef=image, **wish)) == "compute-2", wish
    assert (await request_server(admin, imageRef=image, **forced[0], **named[0])).status == 400
    for wrong in ({"availability_zone": "mars"}, {"availability_zone": "a:b:c:d"}, {"host": "nowhere"},
                  {"host": "compute-1", "hypervisor_hostname": "compute-2"}):  # fmt: skip
        assert (await request_server(admin, imageRef=image, **wrong)).status == 400, wrong
    lost = await create_server(cloud, admin, imageRef=image, availability_zone="nova:nowhere")
    assert lost["status"] == "ERROR"
