"""What properties mean and do, for users of a running cloud: definitions, explanations, and a host that suits."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from stackwire.cloud.answers import PropertyAnswers, in_words
from support.builders.images import an_image
from support.builders.servers import create_server, get_server
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud

SSD = {  # what an operator defines once, for whatever wants or has such disks
    "namespace": "Site::Storage",
    "resource_type_associations": [
        {"name": name, "prefix": "trait:"} for name in ("OS::Glance::Image", "OS::Nova::Flavor", "OS::Nova::Aggregate")
    ],
    "properties": {"CUSTOM_SSD": {"title": "Disks without moving parts", "type": "string", "enum": ["required"]}},
}


@pytest.fixture(scope="module")
async def cloud(a_shared_cloud: ASharedCloud, tmp_path_factory: pytest.TempPathFactory) -> TestCloud:
    hosts = tmp_path_factory.mktemp("hosts") / "hosts.toml"
    hosts.write_text('[hosts.compute-1]\n[hosts.compute-2]\ntraits = ["CUSTOM_SSD"]\n')
    compute = {"hosts_file": hosts, "enable_isolated_aggregate_filtering": True}
    cloud = await a_shared_cloud(settings={"compute": compute}, trace=True)
    admin = await cloud.http("admin")
    (await admin.post("image", "/v2/metadefs/namespaces", json=SSD)).ok(201)
    return cloud


async def defined(cloud: TestCloud, kind: str, ident: str) -> Mapping[str, Any]:
    """By key, as the page gets it; the command says the same."""
    status, found = await asked(cloud, f"/properties/{kind}/{ident}")
    assert status == 200, found
    words = in_words(await PropertyAnswers(cloud.urls).defined(kind, ident))
    for row in found["properties"]:
        assert f"  {row['key']}={row['value']}" in words
        assert all(why in words for why in row["problems"])
    return {row["key"]: row for row in found["properties"]}


async def asked(cloud: TestCloud, path: str, **query: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{cloud.urls['trace']}{path}", params=query.get("params")) as answer,
    ):
        return answer.status, await answer.json()


async def an_aggregate(admin: JsonClient, host: str, **metadata: str) -> str:
    body = {"aggregate": {"name": "fast"}}
    aggregate = (await admin.post("compute", "/v2.1/os-aggregates", json=body)).ok(200).json["aggregate"]["id"]
    for action in ({"set_metadata": {"metadata": metadata}}, {"add_host": {"host": host}}):
        (await admin.post("compute", f"/v2.1/os-aggregates/{aggregate}/action", json=action)).ok(200)
    return str(aggregate)


async def test_an_image_that_wants_ssds_lands_on_the_hosts_that_have_them(cloud: TestCloud) -> None:
    """The aggregate keeps its hosts for those who ask: the others land elsewhere, however full that is."""
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    metadata = {"trait:CUSTOM_SSD": "required", "max_instances_per_host": "many", "rack": "7"}
    await an_aggregate(admin, "compute-2", **metadata)
    image = await an_image(demo, name="database", **{"trait:CUSTOM_SSD": "required"}, hw_disk_bus="scsi")
    for kind, ident in (("image", image), ("aggregate", "fast")):
        row = (await defined(cloud, kind, ident))["trait:CUSTOM_SSD"]
        assert (row["title"], row["namespace"], row["allowed"], row["problems"]) == (
            "Disks without moving parts", "Site::Storage", "required", [],
        )  # fmt: skip
    own = await defined(cloud, "aggregate", "fast")
    assert own["max_instances_per_host"]["problems"] == ["'many' is no integer"]
    assert own["rack"]["namespace"] is None
    plain = await an_image(demo)
    for wanted, host in ((image, "compute-2"), (plain, "compute-1"), (image, "compute-2"), (plain, "compute-1")):
        server = await create_server(cloud, demo, imageRef=wanted)
        assert (await get_server(admin, server["id"]))["OS-EXT-SRV-ATTR:host"] == host
    status, found = await asked(cloud, f"/stories/{server['id']}")
    arrows = [arrow for story in found["stories"] for arrow in story["arrows"] if arrow["name"] == "host.selected"]
    removed = [step for step in arrows[0]["payload"]["payload"]["steps"] if step["removed"]]
    assert status == 200
    assert [(step["filter"], step["removed"]) for step in removed] == [
        ("IsolatedAggregates", {"compute-2": "its aggregate has trait:CUSTOM_SSD=required, which nothing asks for"})
    ]


async def test_a_volume_and_a_flavor_are_asked_about_by_name(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image = await an_image(demo, hw_disk_bus="floppy", os_type="linux", team="a")
    volume = await a_volume(cloud, demo, imageRef=image, name="of an image", metadata={"os_type": "mine"})
    shown = await defined(cloud, "volume", volume)
    assert shown.keys() >= {"os_type", "hw_disk_bus", "team"}
    status, found = await asked(cloud, "/properties/volume/of an image")
    assert (status, found["id"]) == (200, volume)
    rows = {(row["of"], row["key"]): row for row in found["properties"]}
    assert rows["metadata", "os_type"]["namespace"] is None
    assert rows["volume_image_metadata", "os_type"]["title"] == "Family"
    assert "'floppy' is none of" in rows["volume_image_metadata", "hw_disk_bus"]["problems"][0]
    assert ("volume_image_metadata", "disk_format") in rows
    body = {"flavor": {"name": "pinned", "ram": 64, "vcpus": 1, "disk": 1}}
    flavor = (await admin.post("compute", "/v2.1/flavors", json=body)).ok(200).json["flavor"]["id"]
    specs = {"extra_specs": {"hw:cpu_policy": "dedicated", "hw:cpu_sockets": "none"}}
    (await admin.post("compute", f"/v2.1/flavors/{flavor}/os-extra_specs", json=specs)).ok(200)
    shown = await defined(cloud, "flavor", "pinned")
    assert (shown["hw:cpu_policy"]["problems"], bool(shown["hw:cpu_sockets"]["problems"])) == ([], True)
    status, found = await asked(cloud, "/explain", params=[("property", "hw_cpu_sockets=2"), ("flavor", "pinned")])
    assert (status, found["flavor"]) == (200, "pinned")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/properties/image/nothing", 404),
        ("/properties/image/..%2F..%2Fv3", 404),
        ("/properties/volume/nothing", 404),
        ("/properties/flavor/nothing", 404),
        ("/properties/aggregate/nothing", 404),
        ("/properties/server/nothing", 404),
        ("/explain", 400),
        ("/explain?property=nothing", 400),
        ("/explain?property=a=b&flavor=nothing", 404),
        ("/explain?" + "property=a=b&" * 51, 400),
    ],
)
async def test_what_nobody_has_is_not_found(cloud: TestCloud, path: str, status: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{cloud.urls['trace']}{path}") as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["message"]


async def test_several_properties_are_explained_at_once(cloud: TestCloud) -> None:
    status, found = await asked(cloud, "/explain", params=[("property", "hw_disk_bus=scsi"), ("property", "team=a")])
    first, second = found["explanations"]
    assert (status, first["is_read"], second["is_read"]) == (200, True, False)
    assert any('bus="scsi"' in line for line in first["guest"])
