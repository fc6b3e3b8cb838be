"""Images whose data is in volumes: put there, given again, let go of, and read where a URI names what users have."""

import asyncio
import gc
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.core.context import RequestContext
from stackwire.image.backends.cinder import CinderStore
from stackwire.image.backends.cinder_api import GIBIBYTE
from stackwire.image.backends.port import Outside
from stackwire.image.domain.errors import BadLocation
from stackwire.image.settings import ImageSettings
from support.builders.images import a_queued_image, an_image, get_image
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.ear import Ear

THREE = ("identity", "image", "volume")
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(251)) * 9000 + bytes(2 * 1024**2) + b"end"
BOTH = {"image": {"enabled_backends": "fast:file, blocks:cinder", "default_backend": "fast"}}
WHOLE = {"x-image-meta-store": "blocks"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=THREE, settings=BOTH)


async def part(client: JsonClient, image_id: str, **headers: str) -> bytes:
    return (await client.get("image", f"/v2/images/{image_id}/file", headers=headers)).ok(200, 206).body


async def volumes(cloud: TestCloud) -> list[dict[str, Any]]:
    """What is there of the service's volumes, the oldest first."""
    return await cloud.rows(
        "volume",
        "SELECT v.name, v.size, v.status, v.readonly, v.id, (SELECT count(*) FROM volume_attachment a"
        "  WHERE a.volume_id = v.id AND NOT a.deleted) AS attachments,"
        " v.metadata ->> 'image_size' AS image_size"
        " FROM volumes v WHERE NOT v.deleted AND v.name LIKE 'image-%' ORDER BY v.created_at",
    )


async def sweep(cloud: TestCloud) -> None:
    for each in cloud.cloud.services["image"]._sweeps._sweeps:
        await each.run()
    await cloud.settle()


@pytest.mark.parametrize("schemes", ["cinder", ""])
async def test_a_volume_of_an_image_that_lies_in_one_is_its_clone_where_cinder_may(
    a_cloud: ACloud, schemes: str
) -> None:
    """Its rows are those of the image, but for the signature, which nobody looks at in a clone."""
    settings = {**BOTH, "volume": {"allowed_direct_url_schemes": schemes}}
    cloud = await a_cloud(services=THREE, settings=settings)
    client = await cloud.http()
    image_id = await an_image(client, DATA, store="blocks")
    await cloud.settle()
    sends = Ear(cloud, "image.send")
    body = {"volume": {"size": 1, "imageRef": image_id}}
    made = (await client.post("volume", "/v3/{project_id}/volumes", json=body)).ok(202).json["volume"]
    await cloud.settle()
    await sends.watch.cancel()
    volume = (await client.get("volume", f"/v3/{{project_id}}/volumes/{made['id']}")).ok(200).json["volume"]
    metadata = volume["volume_image_metadata"]
    assert (volume["status"], metadata["image_id"]) == ("available", image_id)
    assert (bool(sends.heard), "signature_verified" in metadata) == (not schemes,) * 2
    (disk,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume['id']}")
    with disk.open("rb") as file:
        assert file.read(len(DATA)) == DATA


async def test_an_image_becomes_the_beginning_of_a_volume_and_is_read_from_there(cloud: TestCloud) -> None:
    client = await cloud.http()
    image_id = await an_image(client, DATA, store="blocks")
    await cloud.settle()
    image = await get_image(client, image_id)
    assert (image["status"], image["size"], image["stores"]) == ("active", len(DATA), "blocks")
    assert image["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    (volume,) = await volumes(cloud)
    assert (volume["name"], volume["size"], volume["status"]) == (f"image-{image_id}", 1, "available")
    assert (volume["readonly"], volume["image_size"], volume["attachments"]) == (True, str(len(DATA)), 0)
    assert await part(client, image_id) == DATA
    assert await part(client, image_id, Range="bytes=250-260") == DATA[250:261]
    await cloud.settle()
    assert (await volumes(cloud))[0]["status"] == "available"
    mine = (await client.get("volume", "/v3/{project_id}/volumes")).ok(200).json["volumes"]
    assert mine == []  # it is the service's, not the user's
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    await cloud.settle()
    assert await volumes(cloud) == []


@pytest.mark.parametrize("paired", [False, True], ids=["one_process", "two_processes"])
async def test_several_read_at_once_and_the_last_lets_go(a_cloud: ACloud, paired: bool) -> None:
    """Nor does one process detach what another is just attaching."""
    cloud = await a_cloud(services=THREE, settings=BOTH, paired=paired)
    client = await cloud.http()
    image_id = await an_image(client, DATA, store="blocks")
    found = await asyncio.gather(*(part(client, image_id, Range=f"bytes={at}-{at + 9}") for at in range(20)))
    assert found == [DATA[at : at + 10] for at in range(20)]
    await cloud.settle()
    (volume,) = await volumes(cloud)
    assert (volume["status"], volume["attachments"]) == ("available", 0)


async def test_a_volume_grows_with_what_nobody_announced(cloud: TestCloud) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    piece = bytes(64 * 1024**2)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield piece
        yield b"tail"

    path, headers = f"/v2/images/{image_id}/file", {**OCTETS, **WHOLE}
    (await client.put("image", path, data=chunks(), headers=headers)).ok(204)
    await cloud.settle()
    (volume,) = await volumes(cloud)
    assert (volume["size"], volume["status"], volume["image_size"]) == (2, "available", str(17 * 64 * 1024**2 + 4))
    assert await part(client, image_id, Range="bytes=-6") == b"\0\0tail"


async def test_images_are_copied_out_of_it_and_into_it(cloud: TestCloud) -> None:
    client = await cloud.http("admin")
    image_id = await an_image(client, DATA, store="blocks")
    copy = {"method": {"name": "copy-image"}, "stores": ["fast"]}
    (await client.post("image", f"/v2/images/{image_id}/import", json=copy)).ok(202)
    await cloud.settle()
    assert (await get_image(client, image_id))["stores"] == "blocks,fast"
    (await client.delete("image", f"/v2/stores/blocks/{image_id}")).ok(204)
    await cloud.settle()
    assert await volumes(cloud) == []
    (await client.post("image", f"/v2/images/{image_id}/import", json={**copy, "stores": ["blocks"]})).ok(202)
    await cloud.settle()
    assert (await get_image(client, image_id))["stores"] == "fast,blocks"
    (await client.delete("image", f"/v2/stores/fast/{image_id}")).ok(204)
    assert await part(client, image_id) == DATA


async def test_a_volume_service_that_is_away_is_reported_and_nothing_stays_half_done(cloud: TestCloud) -> None:
    client = await cloud.http()
    image_id, other = await an_image(client, DATA, store="blocks"), await a_queued_image(client)
    for process in cloud.processes("volume"):
        await process.stop()
    headers = {**OCTETS, **WHOLE}
    (await client.put("image", f"/v2/images/{other}/file", data=io.BytesIO(DATA), headers=headers)).ok(503)
    assert (await get_image(client, other))["status"] == "queued"
    (await client.get("image", f"/v2/images/{image_id}/file")).ok(503)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)  # the volume goes when it can
    await cloud.cloud.restart("volume")
    assert len(await volumes(cloud)) == 1
    await sweep(cloud)
    assert await volumes(cloud) == []


async def test_no_volumes_for_the_service_are_no_room_for_images(cloud: TestCloud) -> None:
    client, admin = await cloud.http(), await cloud.http("admin")
    projects = (await admin.get("identity", "/v3/projects?name=service")).ok(200).json["projects"]
    quota = f"/v3/{{project_id}}/os-quota-sets/{projects[0]['id']}"
    (await admin.put("volume", quota, json={"quota_set": {"volumes": 0}})).ok(200)
    image_id = await a_queued_image(client)
    path, headers = f"/v2/images/{image_id}/file", {**OCTETS, **WHOLE}
    (await client.put("image", path, data=io.BytesIO(DATA), headers=headers)).ok(413)
    assert ((await get_image(client, image_id))["status"], await volumes(cloud)) == ("queued", [])


async def test_what_a_dead_process_left_is_let_go_and_taken_away(cloud: TestCloud) -> None:
    """Its reads are still attached when the next one comes; its unfinished upload goes with the sweep."""
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA, store="blocks")
    (volume,) = await volumes(cloud)
    service = store_of(cloud)._api
    await service.attach(None, volume["id"], "ro", {"host": "dead"})
    assert await part(client, image_id) == DATA
    await cloud.settle()
    writer = await store_of(cloud).writer("00000000-0000-4000-8000-000000000001.dead", 10)
    await writer.put(b"half")
    assert len(await volumes(cloud)) == 2
    await sweep(cloud)
    (left,) = await volumes(cloud)
    assert (left["id"], left["status"], left["attachments"]) == (volume["id"], "available", 0)
    assert admin.project_id != client.project_id


async def test_what_a_uri_names_is_read_by_its_callers_rights(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await an_image(demo, DATA, store="blocks")
    wish = {"size": 1, "imageRef": image_id}
    volume = (await demo.post("volume", "/v3/{project_id}/volumes", json={"volume": wish})).ok(202).json["volume"]["id"]
    await cloud.settle()
    wish = {"volume_id": volume}
    made = await demo.post("volume", "/v3/{project_id}/snapshots", json={"snapshot": wish})
    snapshot = made.ok(202).json["snapshot"]["id"]
    await cloud.settle()
    store = store_of(cloud)
    assert isinstance(store, Outside)
    mine, theirs = context(demo), context(alt)
    for url in (f"cinder://{volume}", f"cinder://blocks/{volume}", f"cinder://{snapshot}"):
        assert await store.size_at(mine, url) == GIBIBYTE
        reader = await store.open_at(mine, url, 250, 20)
        assert (reader.size, await reader.read(100)) == (20, DATA[250:270])
        reader.close()
        await cloud.settle()
        for ask in (store.size_at, store.open_at):
            with pytest.raises(FileNotFoundError):
                await ask(theirs, url)
    listed = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume}")).ok(200).json["volume"]
    assert (listed["status"], listed["attachments"]) == ("available", [])
    ours = (await volumes(cloud))[0]["id"]
    with pytest.raises(FileNotFoundError):  # the service's own volumes are nobody's to name
        await store.open_at(mine, f"cinder://{ours}")
    assert not store.reads(f"cinder://other/{volume}")
    for url in ("cinder://", f"cinder://{volume}/..", "cinder://blocks/../x"):
        with pytest.raises(BadLocation):
            await store.size_at(mine, url)


async def test_a_location_is_a_volume_of_whoever_names_it(a_cloud: ACloud) -> None:
    """The API says the same of a volume of others as of one that is not there, and changes nothing."""
    image_settings = {**BOTH["image"], "show_multiple_locations": True}
    cloud = await a_cloud(services=THREE, settings={"image": image_settings})
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    source = await an_image(demo, DATA, store="blocks")
    wish = {"volume": {"size": 1, "imageRef": source}}
    volume = (await demo.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"]
    await cloud.settle()

    async def add(client: JsonClient, image_id: str, volume_id: str) -> Answer:
        change = [{"op": "add", "path": "/locations/-", "value": {"url": f"cinder://{volume_id}", "metadata": {}}}]
        return await client.patch("image", f"/v2/images/{image_id}", json=change, headers=PATCH)

    theirs = await a_queued_image(alt)
    refused, unknown = await add(alt, theirs, volume), await add(alt, theirs, "0" * 8 + volume[8:])
    assert (refused.status, unknown.status) == (400, 400)
    assert refused.body.replace(volume.encode(), b"") == unknown.body.replace(("0" * 8 + volume[8:]).encode(), b"")
    assert ((await get_image(alt, theirs))["status"], (await get_image(alt, theirs))["locations"]) == ("queued", [])
    mine = await a_queued_image(demo)
    (await add(demo, mine, volume)).ok(200)
    image = await get_image(demo, mine)
    assert (image["status"], image["size"], image["stores"]) == ("active", GIBIBYTE, "blocks")
    assert await part(demo, mine, Range="bytes=250-269") == DATA[250:270]
    (await demo.delete("image", f"/v2/images/{mine}")).ok(204)
    await cloud.settle()
    left = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume}")).ok(200).json["volume"]
    assert left["status"] == "available"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"enabled_backends": "b:cinder", "default_backend": "b"}, "cinder_store_password"),
        (
            {"enabled_backends": "b:cinder", "default_backend": "b", "cinder_store_password": "x"},
            "cinder_mount_point_base",
        ),
        ({"enabled_backends": "b:cinder:/x", "default_backend": "b"}, "only files are in a directory"),
    ],
)
def test_a_store_that_cannot_work_is_reported_at_the_start(settings: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ImageSettings(**settings)  # type: ignore[arg-type]  # settings of several types


def store_of(cloud: TestCloud) -> Any:
    """The store inside the running service."""
    root = Path(cloud.cloud.options.data_dir) / "volume"
    return next(one for one in gc.get_objects() if isinstance(one, CinderStore) and one._base == root)


def context(client: JsonClient) -> RequestContext:
    return RequestContext(project_id=client.project_id, auth_token=client.token, roles=("member", "reader"))
