"""Groups of volumes, their snapshots, and groups created from them. Answers are a Cinder 29's."""

from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.volumes import a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NONE = "00000000-0000-4000-8000-000000000000"
EVENTS = "SELECT name FROM outbox WHERE kind = 'notify' AND name ~ '^group(_snapshot)?[.]' ORDER BY seq"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"volume {version}"}


async def got(client: JsonClient, path: str, version: str = "3.70") -> Answer:
    return await client.get("volume", f"{V}{path}", headers=at(version))


async def posted(client: JsonClient, path: str, body: Any, version: str = "3.70") -> Answer:
    return await client.post("volume", f"{V}{path}", json=body, headers=at(version))


async def put(client: JsonClient, group: str, **changes: Any) -> Answer:
    return await client.put("volume", f"{V}/groups/{group}", json={"group": changes}, headers=at("3.70"))


async def group_of(client: JsonClient, group: str, version: str = "3.70") -> Any:
    return (await got(client, f"/groups/{group}?list_volume=true", version)).ok(200).json["group"]


async def a_group(cloud: TestCloud, admin: JsonClient, client: JsonClient, **fields: Any) -> str:
    """An available group of the type ``g``, for volumes of the default type."""
    await posted(admin, "/group_types", {"group_type": {"name": "g"}})
    wish = {"group_type": "g", "volume_types": ["__DEFAULT__"], **fields}
    group = (await posted(client, "/groups", {"group": wish})).ok(202).json["group"]["id"]
    await cloud.settle()
    assert (await group_of(client, group))["status"] == "available"
    return str(group)


async def a_member(cloud: TestCloud, client: JsonClient, group: str, **fields: Any) -> str:
    return await a_volume(cloud, client, group_id=group, volume_type="__DEFAULT__", **fields)


async def test_a_snapshot_of_a_group_and_a_group_from_it_keep_the_image_metadata(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    image = await an_image(demo, team="storage", long_note="n" * 300)
    group = await a_group(cloud, admin, demo, name=" grp ")
    volume, blank = await a_member(cloud, demo, group, imageRef=image), await a_member(cloud, demo, group)
    assert (await get_volume(demo, volume))["group_id"] == group
    rows = (await get_volume(demo, volume))["volume_image_metadata"]
    taken = (await posted(demo, "/group_snapshots", {"group_snapshot": {"group_id": group, "name": "s"}})).ok(202)
    snapshot = taken.json["group_snapshot"]["id"]
    await cloud.settle()
    assert (await got(demo, f"/group_snapshots/{snapshot}")).ok(200).json["group_snapshot"]["status"] == "available"
    members = (await got(demo, "/snapshots/detail")).ok(200).json["snapshots"]
    assert {(one["name"], one["status"], one["group_snapshot_id"]) for one in members} == {("s", "available", snapshot)}
    assert {one["volume_id"] for one in members} == {volume, blank}
    for source, name in (({"group_snapshot_id": snapshot}, "a"), ({"source_group_id": group}, "b")):
        copy = (await posted(demo, "/groups/action", {"create-from-src": {**source, "name": name}})).ok(202)
        await cloud.settle()
        view = await group_of(demo, copy.json["group"]["id"])
        assert (view["status"], view["name"], len(view["volumes"])) == ("available", name, 2)
        assert {view["group_snapshot_id"], view["source_group_id"]} == {None, *source.values()}
        copies = [await get_volume(demo, each) for each in view["volumes"]]
        assert sorted(each["bootable"] for each in copies) == ["false", "true"]
        assert [each["volume_image_metadata"] for each in copies if each["bootable"] == "true"] == [rows]
    used = (await got(demo, f"/os-quota-sets/{demo.project_id}?usage=true")).json["quota_set"]
    assert [used[name]["in_use"] for name in ("groups", "volumes", "snapshots")] == [3, 6, 2]


async def test_a_group_from_first_to_last(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    group = await a_group(cloud, admin, demo, name="first", description="d")
    volume = await a_volume(cloud, demo)
    (await put(demo, group, name="second", add_volumes=f"{volume},")).ok(202)
    await cloud.settle()
    view = await group_of(demo, group)
    assert (view["name"], view["volumes"], view["status"]) == ("second", [volume], "available")
    assert (await demo.delete("volume", f"{V}/volumes/{volume}")).status == 400
    assert (await volume_action(admin, volume, "os-force_delete")).status == 400
    snapshot = (await posted(demo, "/group_snapshots", {"group_snapshot": {"group_id": group}})).ok(202)
    snapshot = snapshot.json["group_snapshot"]["id"]
    await cloud.settle()
    (member,) = (await got(demo, f"/snapshots?volume_id={volume}")).json["snapshots"]
    assert (await demo.delete("volume", f"{V}/snapshots/{member['id']}")).status == 400
    delete = {"delete": {"delete-volumes": True}}
    assert (await posted(demo, f"/groups/{group}/action", delete)).status == 400
    (await demo.delete("volume", f"{V}/group_snapshots/{snapshot}", headers=at("3.70"))).ok(202)
    await cloud.settle()
    assert (await got(demo, f"/group_snapshots/{snapshot}")).status == 404
    assert (await posted(demo, f"/groups/{group}/action", {"delete": {}})).status == 400
    (await posted(demo, f"/groups/{group}/action", delete)).ok(202)
    await cloud.settle()
    assert (await got(demo, f"/groups/{group}")).status == 404
    assert (await got(demo, f"/volumes/{volume}")).status == 404
    used = (await got(demo, f"/os-quota-sets/{demo.project_id}?usage=true")).json["quota_set"]
    assert [used[name]["in_use"] for name in ("groups", "volumes", "snapshots", "gigabytes")] == [0, 0, 0, 0]
    assert [row["name"] for row in await cloud.rows("volume", EVENTS)] == [
        f"{noun}.{verb}.{phase}"
        for noun, verb in (
            ("group", "create"), ("group", "update"), ("group_snapshot", "create"), ("group_snapshot", "delete"),
            ("group", "delete"),
        )
        for phase in ("start", "end")
    ]  # fmt: skip


async def test_what_a_group_shows_depends_on_the_version_and_the_caller(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    group = await a_group(cloud, admin, demo)
    base = set(await group_of(demo, group, "3.13"))
    later = [set(await group_of(demo, group, version)) - base for version in ("3.14", "3.25", "3.38", "3.70")]
    sources = {"group_snapshot_id", "source_group_id"}
    assert later == [sources, sources | {"volumes"}, sources | {"volumes", "replication_status"}, later[2]]
    assert set(await group_of(admin, group)) - base - later[3] == {"project_id"}
    assert [(await got(demo, "/groups", version)).status for version in ("3.12", "3.13")] == [404, 200]
    assert [(await got(demo, "/group_snapshots", version)).status for version in ("3.13", "3.14")] == [404, 200]
    await a_group(cloud, admin, demo, name="other")
    page = (await got(demo, "/groups?limit=1")).ok(200).json
    assert (page["groups"][0]["name"], len(page["group_links"])) == ("other", 1)
    listed = {
        query: len((await got(client, f"/groups/detail{query}", version)).ok(200).json["groups"])
        for client, query, version in (
            (demo, "?name=other", "3.70"), (demo, "?foo=1", "3.30"), (demo, "?status=available", "3.30"),
            (demo, f"?marker={page['groups'][0]['id']}", "3.70"), (admin, "", "3.70"),
            (admin, "?all_tenants=x&status=available", "3.70"), (admin, "?foo=1&all_tenants=1", "3.70"),
        )
    }  # fmt: skip
    assert list(listed.values()) == [1, 0, 2, 1, 0, 2, 0]
    for query, status in (("?foo=1", 400), ("?status=x", 400), ("?sort_key=foo", 400), (f"?marker={NONE}", 404)):
        assert (await got(demo, f"/groups{query}")).status == status, query
    assert (await got(demo, "/group_snapshots?foo=1&limit=x", "3.28")).status == 400
    assert (await got(demo, "/group_snapshots?foo=1", "3.28")).ok(200).json == {"group_snapshots": []}


NO_GROUPS: tuple[tuple[dict[str, Any], int], ...] = (
    ({}, 400), ({"group_type": "g"}, 400), ({"group_type": "g", "volume_types": []}, 400),
    ({"group_type": "g", "volume_types": ["nope"]}, 404), ({"group_type": "nope"}, 404), ({"group_type": ""}, 400),
    ({"group_type": None}, 400), ({"volume_types": ["__DEFAULT__"] * 2}, 400), ({"volume_types": "x"}, 400),
    ({"volume_types": [1]}, 400), ({"name": 1}, 400), ({"name": "x" * 256}, 400), ({"description": "x" * 256}, 400),
    ({"availability_zone": "nope"}, 400), ({"availability_zone": ""}, 400), ({"foo": 1}, 400),
    ({"group_type": "default_cgsnapshot_type"}, 400),
)  # fmt: skip


async def test_what_is_no_group_is_refused_and_changes_nothing(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    group = await a_group(cloud, admin, demo, name="one")
    for given, status in NO_GROUPS:
        complete = {"group_type": "g", "volume_types": ["__DEFAULT__"], **given}
        wish = given if not given or (set(given) == {"group_type"} and given["group_type"] == "g") else complete
        assert (await posted(demo, "/groups", {"group": wish})).status == status, given
    volume, other = await a_member(cloud, demo, group), await a_volume(cloud, admin)
    for changes in (
        {}, {"name": "one"}, {"name": None}, {"add_volumes": "nope"}, {"add_volumes": other}, {"add_volumes": ","},
        {"remove_volumes": other}, {"add_volumes": "a", "remove_volumes": "a"}, {"add_volumes": volume}, {"foo": 1},
        {"add_volumes": 1},
    ):  # fmt: skip
        assert (await put(demo, group, **changes)).status == 400, changes
    for action in (
        {}, {"delete": None}, {"delete": {"x": 1}}, {"delete": {"delete-volumes": "x"}}, {"delete": {}}, {"foo": {}},
        *({name: {}} for name in ("enable_replication", "disable_replication", "failover_replication")),
        {"list_replication_targets": {}},
    ):  # fmt: skip
        assert (await posted(demo, f"/groups/{group}/action", action)).status == 400, action
    assert (await posted(demo, f"/groups/{group}/action", {"enable_replication": {}}, "3.37")).status == 404
    for given, status in (
        ({}, 400), ({"group_id": "x"}, 400), ({"group_id": NONE}, 404), ({"group_id": group, "x": 1}, 400),
        ({"group_id": group, "name": 1}, 400), ({"group_id": await a_group(cloud, admin, demo)}, 400),
    ):  # fmt: skip
        assert (await posted(demo, "/group_snapshots", {"group_snapshot": given})).status == status, given
    empty = await a_group(cloud, admin, demo)
    for given, status in (
        ({}, 400), ({"group_snapshot_id": "x"}, 400), ({"group_snapshot_id": NONE, "source_group_id": group}, 400),
        ({"source_group_id": NONE}, 404), ({"group_snapshot_id": NONE}, 404), ({"source_group_id": empty}, 400),
        ({"source_group_id": group, "x": 1}, 400), ({"source_group_id": None}, 400),
    ):  # fmt: skip
        assert (await posted(demo, "/groups/action", {"create-from-src": given})).status == status, given
    assert (await posted(demo, "/groups/action", {"delete": {}})).status == 400
    for fields, status in (
        ({"group_id": group}, 400), ({"group_id": "nope", "volume_type": "__DEFAULT__"}, 404),
        ({"consistencygroup_id": NONE, "volume_type": "__DEFAULT__"}, 404),
    ):  # fmt: skip
        assert (await posted(demo, "/volumes", {"volume": {"size": 1, **fields}})).status == status, fields
    assert (await group_of(demo, group))["volumes"] == [volume]
    group_type = (await group_of(demo, group))["group_type"]
    assert (await admin.delete("volume", f"{V}/group_types/{group_type}", headers=at("3.70"))).status == 400


async def test_an_administrator_sets_the_status_of_a_group_and_of_its_snapshot(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    group = await a_group(cloud, admin, demo)
    await a_member(cloud, demo, group)
    made = await posted(demo, "/group_snapshots", {"group_snapshot": {"group_id": group}})
    await cloud.settle()
    snapshot = made.ok(202).json["group_snapshot"]["id"]
    for path, since in ((f"/groups/{group}", "3.19"), (f"/group_snapshots/{snapshot}", "3.18")):
        statuses = [
            (await posted(client, f"{path}/action", {"reset_status": given}, version)).status
            for client, given, version in (
                (admin, {}, "3.70"), (admin, {"status": "foo"}, "3.70"), (demo, {"status": "error"}, "3.70"),
                (admin, {"status": "error"}, since), (admin, {"status": "UPDATING"}, "3.70"),
            )
        ]  # fmt: skip
        assert statuses == [400, 400, 403, 404, 202]
        assert (
            await posted(admin, path[: path.rindex("/")] + "/nope/action", {"reset_status": {"status": "error"}})
        ).status == 404
        (view,) = (await got(demo, path)).ok(200).json.values()
        assert view["status"] == "updating"
    busy = {"size": 1, "group_id": group, "volume_type": "__DEFAULT__"}
    assert (await posted(demo, "/volumes", {"volume": busy})).status == 400
    assert (await posted(demo, "/group_snapshots", {"group_snapshot": {"group_id": group}})).status == 400
    assert (await demo.delete("volume", f"{V}/group_snapshots/{snapshot}", headers=at("3.70"))).status == 400


async def test_groups_are_counted_and_their_type_chooses_no_back_end(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    quota = f"{V}/os-quota-sets/{demo.project_id}"
    (await admin.put("volume", quota, json={"quota_set": {"groups": 1}})).ok(200)
    specs = {"consistent_group_snapshot_enabled": "<is> True"}
    (await posted(admin, "/group_types", {"group_type": {"name": "consistent", "group_specs": specs}})).ok(202)
    wish = {"group": {"group_type": "consistent", "volume_types": ["__DEFAULT__"]}}
    group = (await posted(demo, "/groups", wish)).ok(202).json["group"]["id"]
    await cloud.settle()
    assert (await group_of(demo, group))["status"] == "available"
    assert (await posted(demo, "/groups", wish)).status == 413
    (await posted(demo, f"/groups/{group}/action", {"delete": {}})).ok(202)
    await cloud.settle()
    assert (await got(demo, f"/groups/{group}")).status == 404
    (await posted(demo, "/groups", wish)).ok(202)
