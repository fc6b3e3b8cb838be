"""What holds in every type of store that can be written: files, S3, volumes, Swift and RBD."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from stackwire.image.backends.stores import Stores
from stackwire.image.flows.stored_objects import new_object_name
from support.builders.images import a_queued_image, an_image, get_image
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until
from support.stores import AnyStore

MIB = 1024**2
OCTETS = {"Content-Type": "application/octet-stream"}
FAR = {**OCTETS, "x-image-meta-store": "far"}
DATA = bytes(range(251)) * 17000 + bytes(MIB)  # more than a segment, and a hole


async def part(client: JsonClient, image_id: str, **headers: str) -> bytes:
    return (await client.get("image", f"/v2/images/{image_id}/file", headers=headers)).ok(200, 206).body


async def imported(client: JsonClient, cloud: TestCloud, image_id: str, method: str, **wish: Any) -> Any:
    body = {"method": {"name": method}, **wish}
    (await client.post("image", f"/v2/images/{image_id}/import", json=body)).ok(202)
    await cloud.settle()
    return await get_image(client, image_id)


async def some_and_no_more() -> AsyncIterator[bytes]:
    """A client that stops in the middle, without a word."""
    for at in range(0, 3 * MIB, MIB):
        yield DATA[at : at + MIB]
    await asyncio.Event().wait()


def stores_of(cloud: TestCloud) -> Stores:
    [found] = [each for each in cloud.cloud.services["image"]._resources if isinstance(each, Stores)]
    return found


async def sweep(cloud: TestCloud) -> None:
    for each in cloud.cloud.services["image"]._sweeps._sweeps:
        await each.run()
    await cloud.settle()


async def test_data_is_written_read_copied_imported_and_removed_and_nothing_is_left(
    a_cloud: ACloud, any_store: AnyStore
) -> None:
    settings = any_store.settings(show_multiple_locations=True, user_storage_quota=str(4 * len(DATA)))
    cloud = await a_cloud(services=any_store.services, settings=settings)
    client, admin = await cloud.http(), await cloud.http("admin")

    # written as it comes, with digests; read whole and in ranges
    image_id = await an_image(client, DATA, store="far")
    image = await get_image(client, image_id)
    assert (image["stores"], image["size"], image["status"]) == ("far", len(DATA), "active")
    assert image["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert image["checksum"] == hashlib.md5(DATA).hexdigest()
    assert await part(client, image_id) == DATA
    assert await part(client, image_id, Range="bytes=1048570-1048580") == DATA[1048570:1048581]
    assert await part(client, image_id, Range="bytes=-7") == DATA[-7:]
    assert len(await any_store.left(cloud)) >= 1

    # into several stores, copied, taken out of one, and back into the other
    staged = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{staged}/stage", data=DATA, headers=OCTETS)).ok(204)
    assert (await imported(client, cloud, staged, "glance-direct", all_stores=True))["stores"] == "near,far"
    (await admin.delete("image", f"/v2/stores/near/{staged}")).ok(204)
    assert await part(client, staged) == DATA
    copied = await imported(admin, cloud, staged, "copy-image", stores=["near"])
    assert sorted(copied["stores"].split(",")) == ["far", "near"]
    (await admin.delete("image", f"/v2/stores/far/{staged}")).ok(204)
    copied = await imported(admin, cloud, staged, "copy-image", stores=["far"])
    assert sorted(copied["stores"].split(",")) == ["far", "near"]
    (await admin.delete("image", f"/v2/stores/near/{staged}")).ok(204)
    assert await part(client, staged) == DATA

    # an empty one, one beyond the quota, one that breaks off
    empty = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{empty}/file", data=b"", headers=FAR)).ok(204)
    assert await part(client, empty) == b""
    beyond, cut_off = await a_queued_image(client), await a_queued_image(client)
    (await client.put("image", f"/v2/images/{beyond}/file", data=DATA * 3, headers=FAR)).ok(413)
    path = f"/v2/images/{cut_off}/file"
    upload = asyncio.create_task(client.put("image", path, data=some_and_no_more(), headers=FAR))

    async def is_saving() -> bool:
        return (await get_image(client, cut_off))["status"] == "saving"

    async def are_queued() -> bool:
        return {(await get_image(client, each))["status"] for each in (beyond, cut_off)} == {"queued"}

    await until(is_saving, 20)
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    await until(are_queued, 20)

    # what nobody names, complete or not, is swept; in RBD not before the process that writes it is dead
    writers = [await stores_of(cloud).writer("far", new_object_name(image_id), None, client.project_id) for _ in "12"]
    for writer in writers:
        await writer.put(DATA)
    await writers[0].complete(hashlib.md5(DATA).digest())
    for each in (image_id, staged, empty):
        (await client.delete("image", f"/v2/images/{each}")).ok(204)

    async def is_empty() -> bool:
        await sweep(cloud)  # once more, where a sweep of the service's own was at it
        return await any_store.left(cloud) == []

    if any_store.kind != "rbd":
        await until(is_empty, 20)
    await writers[1].discard()
    await until(is_empty, 20)


async def test_a_store_that_is_away_leaves_everything_as_it_was(a_cloud: ACloud, any_store: AnyStore) -> None:
    if not any_store.away:
        return  # a folder is never away, and volumes are with us: what fails there is told in their own tests
    there = await a_cloud(services=any_store.services, settings=any_store.settings())
    client = await there.http()
    far, near = await an_image(client, DATA, store="far"), await an_image(client, DATA, store="near")
    before = sorted(await any_store.left(there))
    await there.close()

    settings = any_store.settings(**any_store.away)
    away = await a_cloud(services=any_store.services, settings=settings)
    client, admin = await away.http(), await away.http("admin")
    assert await part(client, near) == DATA
    answer = (await client.get("image", f"/v2/images/{far}/file")).ok(503)
    assert b"127.0.0" not in answer.body
    queued = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{queued}/file", data=DATA, headers=FAR)).ok(503)
    assert (await get_image(client, queued))["status"] == "queued"
    image = await imported(admin, away, near, "copy-image", stores=["far"])
    assert (image["status"], image["stores"], image["os_glance_failed_import"]) == ("active", "near", "far")
    (await client.delete("image", f"/v2/images/{queued}")).ok(204)
    await away.close()

    again = await a_cloud(services=any_store.services, settings=any_store.settings())
    client = await again.http()
    assert await part(client, far) == DATA
    assert sorted(await any_store.left(again)) == before
