"""Nova and Glance over HTTP: one client for both versions of the Image API, and servers that boot by either.

The requirements are those of the mail "Nova + Glance_v2 = Love" (openstack-dev, 2015-12-24 and after).
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from stackwire.compute.backends.image_client import ImageApi, ImageClient, Which
from stackwire.contracts.image import ImageForbidden, ImageNotFound
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unavailable
from stackwire.http.client import HttpClient
from support.cloud import ACloud, ASharedCloud, TestCloud
from support.user_actions import UserActions

NOBODY = "11111111-1111-4111-8111-111111111111"
VERSIONS: tuple[Which, ...] = ("v1", "v2")


@dataclass
class Asker:
    """One user with a client."""

    cloud: TestCloud
    http: HttpClient
    ctx: RequestContext

    async def api(self, version: Which) -> ImageApi:
        return await ImageClient(self.http, self.cloud.endpoint("image"), only=version).api(self.ctx)

    async def data(self, api: ImageApi, image_id: str) -> bytes:
        taken = bytearray()
        await api.data(self.ctx, image_id, taken.extend)
        return bytes(taken)

    async def properties(self, image_id: str) -> dict[str, Any]:
        """As the service itself has them."""
        sql = "SELECT name, value FROM image_properties WHERE image_id = $1 AND NOT deleted"
        return {row["name"]: row["value"] for row in await self.cloud.rows("image", sql, image_id)}


@pytest.fixture
async def asker(a_shared_cloud: ASharedCloud) -> AsyncIterator[Asker]:
    cloud = await a_shared_cloud("queens")
    demo = await cloud.http("demo")
    http = HttpClient("compute")
    yield Asker(cloud, http, RequestContext(auth_token=demo.token, project_id=demo.project_id))
    await http.close()


@pytest.fixture(params=VERSIONS)
async def api(asker: Asker, request: pytest.FixtureRequest) -> ImageApi:
    return await asker.api(request.param)


async def test_the_same_story_has_the_same_properties_in_either_version(asker: Asker) -> None:
    stories = []
    for version in VERSIONS:
        api, ctx = await asker.api(version), asker.ctx
        seen: list[Any] = []
        image = await api.create(ctx, {"name": f"story-{version}", "properties": {"a": "1", "b": True, "n": None}})
        seen.append((image["status"], image["size"], image["is_public"], image["properties"]))
        changed = await api.update(ctx, image["id"], {"min_ram": 5, "properties": {"b": "3"}}, purge=False)
        seen.append((changed["min_ram"], changed["properties"]))
        seen.append((await api.update(ctx, image["id"], {"properties": {"b": "4"}}))["properties"])
        shown = await api.show(ctx, image["id"])
        seen.append((shown["name"][:5], shown["properties"], shown["min_ram"], shown["protected"]))
        found = await api.list(ctx, {"property-b": "4", "name": f"story-{version}"})
        seen.append([(one["id"] == image["id"], one["properties"], one["size"]) for one in found])
        await api.delete(ctx, image["id"])
        with pytest.raises(ImageNotFound):
            await api.show(ctx, image["id"])
        stories.append(seen)
    assert stories[0] == stories[1]
    assert stories[0][:3] == [
        ("queued", 0, False, {"a": "1", "b": "True"}), (5, {"a": "1", "b": "3"}), {"b": "4"},
    ]  # fmt: skip


# ---- the six differences


async def test_1_what_changed_since_is_v1s_with_what_went_away_and_v2s_with_the_very_moment(asker: Asker) -> None:
    """The mail calls them "completely similar"; they are not, and a client cannot make them so."""
    v1, v2 = await asker.api("v1"), await asker.api("v2")
    stays, goes = [await v1.create(asker.ctx, {"name": name}) for name in ("stays", "goes")]
    (row,) = await asker.cloud.rows("image", "SELECT updated_at FROM images WHERE id = $1", stays["id"])
    await v1.delete(asker.ctx, goes["id"])
    before = row["updated_at"].replace(microsecond=0)
    for api, wanted in ((v1, {stays["id"], goes["id"]}), (v2, {stays["id"]})):
        found = {image["id"] for image in await api.list(asker.ctx, {}, changed_since=before)}
        assert {stays["id"], goes["id"]} & found == wanted
        assert await api.list(asker.ctx, {}, changed_since=datetime.fromisoformat("2100-01-01T00:00:00Z")) == []
    moment = "UPDATE images SET updated_at = $2 WHERE id = $1 RETURNING id"
    await asker.cloud.rows("image", moment, stays["id"], before)
    for api, there in ((v1, False), (v2, True)):
        found = {image["id"] for image in await api.list(asker.ctx, {}, changed_since=before)}
        assert (stays["id"] in found) is there


async def test_2_filters_by_a_property_find_the_same(asker: Asker, api: ImageApi) -> None:
    names = {"os_type": "linux", "property_x": "x", "image_type": "snapshot"}
    image = await api.create(asker.ctx, {"name": "filtered", "properties": names})
    for name, value in names.items():
        found = {one["id"] for one in await api.list(asker.ctx, {f"property-{name}": value})}
        assert image["id"] in found
        assert await api.list(asker.ctx, {f"property-{name}": value, "name": "none"}) == []
    await api.delete(asker.ctx, image["id"])


async def test_3_properties_are_nested_whatever_the_api_does(asker: Asker, api: ImageApi) -> None:
    mapping = [{"boot_index": 0, "source_type": "blank"}]
    meta = {"name": "i", "properties": {"os_distro": "debian", "block_device_mapping": mapping, "kernel_id": ""}}
    image = await api.create(asker.ctx, meta)
    told = (await api.show(asker.ctx, image["id"]))["properties"]
    assert told == {"os_distro": "debian", "block_device_mapping": json.dumps(mapping)}
    assert await asker.properties(image["id"]) == told


async def test_3_v1_forgets_the_case_of_names_and_v2_does_not(asker: Asker) -> None:
    for version, name in (("v1", "mykey"), ("v2", "MyKey")):
        image = await (await asker.api(version)).create(asker.ctx, {"name": "i", "properties": {"MyKey": "v"}})
        assert image["properties"] == {name: "v"}


async def test_4_what_is_public_is_asked_and_refused_alike(asker: Asker, api: ImageApi) -> None:
    with pytest.raises(ImageForbidden):
        await api.create(asker.ctx, {"name": "i", "is_public": True})
    image = await api.create(asker.ctx, {"name": "mine", "is_public": False})
    assert (image["is_public"], image["visibility"] == "public") == (False, False)
    admin = await asker.cloud.http("admin")
    ctx = RequestContext(auth_token=admin.token, project_id=admin.project_id)
    public = await api.update(ctx, image["id"], {"is_public": True}, purge=False)
    assert (public["is_public"], public["visibility"]) == (True, "public")
    for wish in (True, "none"):
        assert image["id"] in {one["id"] for one in await api.list(asker.ctx, {"is_public": wish})}
    assert image["id"] not in {one["id"] for one in await api.list(asker.ctx, {"is_public": False})}


async def test_5_purging_takes_exactly_what_is_not_given(asker: Asker, api: ImageApi) -> None:
    image = await api.create(asker.ctx, {"name": "i", "properties": {"a": "1", "b": "2"}})
    added = await api.update(asker.ctx, image["id"], {"properties": {"b": "3"}}, purge=False)
    assert added["properties"] == {"a": "1", "b": "3"}
    sql = (
        "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)"
        " SELECT id, 'os_glance_failed_import', 'file', now(), now(), created_at FROM images WHERE id = $1"
        " RETURNING id"
    )
    await asker.cloud.rows("image", sql, image["id"])
    await api.update(asker.ctx, image["id"], {"properties": {"b": "4"}})
    assert await asker.properties(image["id"]) == {"b": "4", "os_glance_failed_import": "file"}


async def test_6_an_image_without_data_is_active_by_size_zero_or_by_an_upload_of_nothing(
    asker: Asker, api: ImageApi
) -> None:
    image = await api.create(asker.ctx, {"name": "i", "size": 0, "properties": {"a": "1"}})
    assert (image["status"], image["size"], image["properties"]) == ("active", 0, {"a": "1"})
    v2 = not isinstance(api, type(await asker.api("v1")))
    assert (image.get("disk_format"), image.get("container_format")) == (("raw", "bare") if v2 else (None, None))
    assert await asker.data(api, image["id"]) == b""
    (row,) = await asker.cloud.rows("image", "SELECT object, checksum FROM images WHERE id = $1", image["id"])
    if v2:
        stored = asker.cloud.cloud.options.data_dir / "image"
        (kept,) = [path for path in stored.rglob(f"*{image['id']}*") if path.is_file()]
        assert kept.stat().st_size == 0
        with pytest.raises(BadRequest):
            await api.create(asker.ctx, {"name": "i", "size": 0, "disk_format": "qcow2"})
    else:
        assert (row["object"], row["checksum"]) == (None, None)


# ---- the rest of the surface


async def test_data_is_sent_and_fetched_and_shared(asker: Asker, api: ImageApi) -> None:
    meta = {"name": "i", "disk_format": "raw", "container_format": "bare", "properties": {"a": "1"}}
    image = await api.create(asker.ctx, meta)
    await api.upload(asker.ctx, image["id"], b"data" * 1000)
    shown = await api.show(asker.ctx, image["id"])
    assert (shown["status"], shown["size"], shown["properties"]) == ("active", 4000, {"a": "1"})
    assert await asker.data(api, image["id"]) == b"data" * 1000
    alt = await asker.cloud.http("alt")
    for _ in range(2):
        await api.share(asker.ctx, image["id"], alt.project_id)
    ctx = RequestContext(auth_token=alt.token, project_id=alt.project_id)
    assert (await api.show(ctx, image["id"]))["id"] == image["id"]


async def test_refusals_read_the_same(asker: Asker, api: ImageApi) -> None:
    for gone in (api.show(asker.ctx, NOBODY), api.delete(asker.ctx, NOBODY), api.update(asker.ctx, NOBODY, {})):
        with pytest.raises(ImageNotFound):
            await gone
    with pytest.raises(BadRequest):
        await api.create(asker.ctx, {"name": "n" * 256})
    kept = await api.create(asker.ctx, {"name": "i", "protected": True})
    with pytest.raises(ImageForbidden):
        await api.delete(asker.ctx, kept["id"])


async def test_the_version_is_asked_for_once(asker: Asker, a_shared_cloud: ASharedCloud) -> None:
    root = asker.cloud.endpoint("image")
    for prefer in VERSIONS:
        assert await ImageClient(asker.http, root, prefer=prefer).version(asker.ctx) == prefer
    today = await a_shared_cloud()
    client = ImageClient(asker.http, today.endpoint("image"), prefer="v1")
    assert await client.version(asker.ctx) == "v2"
    client._versions.url = "http://127.0.0.1:1"
    assert await client.version(asker.ctx) == "v2"
    with pytest.raises(Unavailable):
        await ImageClient(asker.http, "http://127.0.0.1:1").version(asker.ctx)


async def test_an_image_of_as_many_long_properties_as_may_be_is_reported_in_headers(asker: Asker) -> None:
    properties = {f"k{n}": "v" * 4000 for n in range(127)} | {"long": "v" * 60_000}
    v1, v2 = await asker.api("v1"), await asker.api("v2")
    image = await v2.create(asker.ctx, {"name": "i", "properties": properties})
    assert (await v1.show(asker.ctx, image["id"]))["properties"] == properties
    await v2.delete(asker.ctx, image["id"])


# ---- what boots


async def devices(user: UserActions, server_id: str) -> list[dict[str, Any]]:
    sql = (
        "SELECT source_type, destination_type, boot_index, volume_size, device_name, delete_on_termination"
        " FROM block_device_mapping WHERE instance_uuid = $1 AND deleted_at IS NULL ORDER BY boot_index, volume_size"
    )
    return await user.cloud.rows("compute", sql, server_id)


async def a_snapshot_and_what_boots_from_it(user: UserActions, size: int = 0) -> tuple[dict[str, Any], Any, Any]:
    """The snapshot image of a server on two volumes, the devices of a server booted from it, what that one recorded."""
    root = await user.volume(imageRef=await user.image(team="db", hw_disk_bus="scsi"))
    wanted = [
        {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": root},
        {"boot_index": -1, "source_type": "volume", "destination_type": "volume", "uuid": await user.volume()},
    ]
    server_id = await user.server(block_device_mapping_v2=wanted)
    image = await user.snapshot(server_id, metadata={"asked": "yes"})
    assert (image["status"], image["size"]) == ("active", size)
    booted = await user.server(imageRef=image["id"])
    return image, await devices(user, booted), await user.system_metadata(booted)


async def room_for_more_volumes(user: UserActions) -> None:
    admin = await user.cloud.http("admin")
    path = f"/v3/{admin.project_id}/os-quota-sets/{user.client.project_id}"
    (await admin.put("volume", path, json={"quota_set": {"volumes": 50, "snapshots": 50}})).ok(200)


OWN = {"id", "self", "file", "created_at", "updated_at", "checksum", "os_hash_algo", "os_hash_value", "stores",
       "visibility"}  # fmt: skip
"""Not compared: ids and times, what an object of no bytes has, and that what is not public was shared in v1."""


@pytest.mark.parametrize(("release", "api"), [("mitaka", "auto"), ("newton", "auto"), ("queens", "v1")])
async def test_a_server_boots_from_an_image_and_becomes_one_by_either_version(
    a_cloud: ACloud, release: str, api: str
) -> None:
    """Mitaka's Nova takes v1, Newton's v2: the snapshot is the same as by RPC."""
    told = []
    for settings in ({}, {"image_api": api, "image_retries": 1}):
        user = await UserActions.of(await a_cloud(release=release, settings={"compute": settings}))
        server_id = await user.server(imageRef=await user.image(team="db", note="x" * 300))
        image = await user.snapshot(server_id, metadata={"asked": "yes"})
        booted = await user.server(imageRef=image["id"])
        assert image["status"] == "active"
        own = {*OWN, "base_image_ref", "instance_uuid"}
        recorded = await user.system_metadata(booted)
        told.append((
            {key: value for key, value in image.items() if key not in own},
            {key: value for key, value in recorded.items() if key not in {f"image_{name}" for name in own}},
        ))  # fmt: skip
        (await user.request_server(imageRef=NOBODY)).ok(400)
        await user.cloud.close()
    assert told[0] == told[1]


async def test_an_image_made_of_nothing_but_a_mapping_boots(a_cloud: ACloud) -> None:
    """Made by a user through the API only, as callers outside of Nova do (requirement R12)."""
    user = await UserActions.of(await a_cloud(release="queens", settings={"compute": {"image_api": "v1"}}))
    mapping = [
        {"boot_index": 0, "source_type": "volume", "destination_type": "volume",
         "volume_id": await user.volume(imageRef=await user.image())},
        {"boot_index": -1, "source_type": "blank", "destination_type": "volume", "volume_size": 1},
    ]  # fmt: skip
    headers = {
        "x-image-meta-name": "external", "x-image-meta-size": "0", "x-image-meta-property-bdm_v2": "True",
        "x-image-meta-property-block_device_mapping": json.dumps(mapping),
    }  # fmt: skip
    image = (await user.client.post("image", "/v1/images", headers=headers)).ok(201).json["image"]
    assert (image["status"], image["disk_format"]) == ("active", None)
    booted = await devices(user, await user.server(imageRef=image["id"]))
    assert sorted(device["source_type"] for device in booted) == ["blank", "volume"]


async def test_each_way_to_make_an_image_without_data_boots_the_same(a_cloud: ACloud) -> None:
    told = {}
    for name, settings in {
        "by rpc": {},
        "upload_empty": {"image_api": "v2", "empty_image_mode": "upload_empty"},
        "size_zero": {"image_api": "v1", "empty_image_mode": "size_zero"},
    }.items():
        user = await UserActions.of(await a_cloud(release="queens", settings={"compute": settings}))
        await room_for_more_volumes(user)
        image, booted, recorded = await a_snapshot_and_what_boots_from_it(user)
        mapping = json.loads(image["block_device_mapping"])
        assert [entry["source_type"] for entry in mapping] == ["snapshot", "snapshot"]
        properties = {key: value for key, value in image.items() if key not in {*OWN, "block_device_mapping"}}
        mine = {key: value for key, value in recorded.items() if key not in ("image_base_image_ref",)}
        told[name] = (properties, booted, mine)
        (row,) = await user.cloud.rows("image", "SELECT object FROM images WHERE id = $1", image["id"])
        assert (row["object"] is None) is (name == "size_zero")
        await user.cloud.close()
    assert told["by rpc"][1] == told["upload_empty"][1] == told["size_zero"][1]
    assert told["by rpc"][0] == told["upload_empty"][0] == told["size_zero"][0]
    assert told["by rpc"][2] == told["upload_empty"][2] == told["size_zero"][2]
    assert [device["source_type"] for device in told["size_zero"][1]] == ["snapshot", "snapshot"]


async def test_an_image_whose_data_is_its_roots_snapshot_boots_the_same(a_cloud: ACloud) -> None:
    """The compromise of the mail: the root is where the image's data is, the other volumes are in its mapping."""
    told = {}
    for mode in ("auto", "root_location"):
        settings = {
            "compute": {"empty_image_mode": mode},
            "image": {"enabled_backends": "own:file,blocks:cinder", "default_backend": "own"},
        }
        user = await UserActions.of(await a_cloud(settings=settings))
        await room_for_more_volumes(user)
        size = 1024**3 if mode == "root_location" else 0
        image, booted, recorded = await a_snapshot_and_what_boots_from_it(user, size)
        left = {*OWN, "block_device_mapping", "size", "virtual_size"}
        told[mode] = ({key: value for key, value in image.items() if key not in left}, booted, recorded)
        indexes = [entry["boot_index"] for entry in json.loads(image["block_device_mapping"])]
        assert indexes == ([-1] if mode == "root_location" else [0, -1])
        rows = await user.cloud.rows("image", "SELECT store, url FROM image_locations WHERE image_id = $1", image["id"])
        assert [row["store"] for row in rows] == ["blocks" if mode == "root_location" else "own"]
        (named,) = [row["url"] or "cinder://" for row in rows]
        roots = await user.cloud.rows("volume", "SELECT id FROM snapshots WHERE 'cinder://' || id = $1", named)
        assert len(roots) == (mode == "root_location")
        kept = "SELECT id FROM snapshots WHERE NOT deleted ORDER BY id"
        before = await user.cloud.rows("volume", kept)
        (await user.client.delete("image", f"/v2/images/{image['id']}")).ok(204)
        assert await user.cloud.rows("volume", kept) == before
        await user.cloud.close()
    properties, booted, recorded = told["root_location"]
    assert (properties, booted) == told["auto"][:2]
    other = {"image_base_image_ref"}
    assert {key: value for key, value in recorded.items() if key not in other} == {
        key: value for key, value in told["auto"][2].items() if key not in other
    }
    assert [device["source_type"] for device in booted] == ["snapshot", "snapshot"]


async def test_where_no_store_reads_snapshots_nothing_is_left_of_the_image(a_cloud: ACloud) -> None:
    user = await UserActions.of(await a_cloud(settings={"compute": {"empty_image_mode": "root_location"}}))
    root = await user.volume(imageRef=await user.image())
    wanted = [{"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": root}]
    server_id = await user.server(block_device_mapping_v2=wanted)
    before = await user.cloud.rows("image", "SELECT id FROM images WHERE deleted_at IS NULL ORDER BY id")
    action = f"/v2.1/servers/{server_id}/action"
    (await user.client.post("compute", action, json={"createImage": {"name": "none"}})).ok(400)
    await user.cloud.settle()
    assert await user.cloud.rows("image", "SELECT id FROM images WHERE deleted_at IS NULL ORDER BY id") == before
    assert await user.cloud.rows("volume", "SELECT 1 FROM snapshots WHERE NOT deleted") == []
