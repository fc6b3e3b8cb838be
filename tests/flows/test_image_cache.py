"""The image cache: filled and read behind every check, bounded, crash-safe, managed by administrators."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.builders.images import a_queued_image, an_image
from support.cloud import ACloud, Answer, JsonClient, TestCloud

TWO = ("identity", "image")
ON: dict[str, Any] = {"image_cache": True, "image_cache_max_size": 10_000_000}
DATA = bytes(range(251)) * 9000


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=TWO, settings={"image": ON})


async def get(client: JsonClient, image_id: str, **headers: str) -> Answer:
    return await client.get("image", f"/v2/images/{image_id}/file", headers=headers)


async def state(client: JsonClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("image", "/v2/cache")).ok(200).json
    return found


async def cached(cloud: TestCloud) -> dict[str, int]:
    """Hits by image."""
    await cloud.settle()
    return {each["image_id"]: each["hits"] for each in (await state(await cloud.http("admin")))["cached_images"]}


def folder(cloud: TestCloud) -> Path:
    return Path(cloud.cloud.options.data_dir) / "image" / "cache"


def files(cloud: TestCloud) -> list[str]:
    """The bytes of all nodes, by the images they are of."""
    return sorted(path.name[:36] for path in folder(cloud).rglob("*") if path.is_file() and path.suffix != ".lock")


def lose_from_store(cloud: TestCloud, image_id: str) -> None:
    for path in (Path(cloud.cloud.options.data_dir) / "image" / "images").glob(f"{image_id}*"):
        path.unlink()


async def test_a_download_fills_the_cache_and_the_next_is_answered_from_it(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await an_image(demo, DATA)
    first = (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}
    lose_from_store(cloud, image_id)
    second = (await get(demo, image_id)).ok(200)
    assert first.body == second.body == DATA
    assert first.headers["Content-MD5"] == second.headers["Content-MD5"]
    assert second.headers["Content-Length"] == str(len(DATA))
    assert await cached(cloud) == {image_id: 1}
    (entry,) = (await state(admin))["cached_images"]
    assert (entry["size"], entry["last_accessed"] > entry["last_modified"]) == (len(DATA), True)
    assert entry["checksum"] == first.headers["Content-MD5"]
    (node,) = (await admin.get("image", f"/v2/cache/nodes/{image_id}")).ok(200).json
    assert node.startswith("http://")
    sent = await cloud.rows("image", "SELECT 1 FROM outbox WHERE name = 'image.send'")
    assert len(sent) == 2


async def test_a_part_comes_from_the_store_and_is_not_kept(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, DATA)
    assert (await get(demo, image_id, Range="bytes=1-4")).ok(206).body == DATA[1:5]
    assert await cached(cloud) == {}
    (await get(demo, image_id)).ok(200)
    assert (await get(demo, image_id, Range="bytes=1-4")).ok(206).body == DATA[1:5]
    assert await cached(cloud) == {image_id: 0}


async def test_who_is_forbidden_to_download_is_so_though_the_bytes_are_cached(a_cloud: ACloud, tmp_path: Path) -> None:
    rules = tmp_path / "policy.yaml"
    rules.write_text('"download_image": "role:admin"\n')
    cloud = await a_cloud(services=TWO, settings={"image": {**ON, "policy_file": rules}})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await an_image(demo, DATA, visibility="private")
    (await get(admin, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}
    (await get(demo, image_id)).ok(403)
    assert await cached(cloud) == {image_id: 0}


async def test_who_does_not_see_the_image_does_not_see_it_in_the_cache(cloud: TestCloud) -> None:
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    image_id = await an_image(demo, DATA, visibility="private")
    (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}
    (await get(alt, image_id)).ok(404)
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    (await get(demo, image_id)).ok(403)
    assert (await get(admin, image_id)).ok(200).body == DATA
    assert await cached(cloud) == {image_id: 0}
    (await demo.post("image", f"/v2/images/{image_id}/actions/reactivate")).ok(204)
    (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 1}


async def test_what_is_deleted_leaves_the_cache(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await an_image(demo, DATA)
    (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert await cached(cloud) == {}
    (await get(demo, image_id)).ok(404)
    (await admin.post("image", "/v2/cache/clean")).ok(200)
    assert files(cloud) == []


async def test_the_cache_never_holds_more_than_its_size_and_forgets_what_was_asked_for_longest_ago(
    a_cloud: ACloud,
) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {**ON, "image_cache_max_size": 2500}})
    demo = await cloud.http("demo")
    one, two, three = [await an_image(demo, bytes([n]) * 1000) for n in (1, 2, 3)]
    large = await an_image(demo, b"x" * 2501)
    for image_id in (one, two, one, large):
        (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {one: 1, two: 0}
    (await get(demo, three)).ok(200)
    assert await cached(cloud) == {one: 1, three: 0}
    assert files(cloud) == sorted([one, three])
    await asyncio.gather(*(get(demo, image_id) for image_id in (one, two, three, large) * 5))
    await cloud.settle()
    assert sum(path.stat().st_size for path in folder(cloud).rglob("*") if path.is_file()) <= 2500
    assert sorted(await cached(cloud)) == files(cloud)
    await cloud.close()

    smaller = await a_cloud(services=TWO, settings={"image": {**ON, "image_cache_max_size": 0}})
    await smaller.settle()
    assert files(smaller) == []


async def test_each_node_has_a_cache_of_its_own_and_a_deleted_image_leaves_them_all(a_cloud: ACloud) -> None:
    one = await a_cloud(services=TWO, settings={"image": {**ON, "worker_self_reference_url": "http://one"}})
    two = await a_cloud(services=TWO, settings={"image": {**ON, "worker_self_reference_url": "http://two"}})
    here, there = await one.http("admin"), await two.http("admin")
    image_id = await an_image(here, DATA)
    (await get(here, image_id)).ok(200)
    assert (await cached(one), await cached(two)) == ({image_id: 0}, {})
    (await there.put("image", f"/v2/cache/{image_id}")).ok(202)
    (await there.post("image", "/v2/cache/clean")).ok(200)
    (await here.post("image", "/v2/cache/clean")).ok(200)
    assert (await cached(one), await cached(two)) == ({image_id: 0}, {image_id: 0})
    assert files(one) == [image_id, image_id]
    nodes = (await here.get("image", f"/v2/cache/nodes/{image_id}")).ok(200).json
    assert nodes == ["http://one", "http://two"]
    (await here.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert (await cached(one), await cached(two)) == ({}, {})


async def test_an_image_deleted_while_there_was_no_cache_leaves_it_when_there_is_one_again(a_cloud: ACloud) -> None:
    wish = {**ON, "worker_self_reference_url": "http://node"}
    cloud = await a_cloud(services=TWO, settings={"image": wish})
    image_id = await an_image(await cloud.http("demo"), DATA)
    (await get(await cloud.http("demo"), image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}
    await cloud.close()
    without = await a_cloud(services=TWO)
    (await (await without.http("demo")).delete("image", f"/v2/images/{image_id}")).ok(204)
    await without.close()
    again = await a_cloud(services=TWO, settings={"image": wish})
    assert await cached(again) == {}
    assert files(again) == []


async def test_what_is_pruned_is_counted(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    nothing = {"total_files_pruned": 0, "total_bytes_pruned": 0}
    assert (await admin.post("image", "/v2/cache/prune")).ok(200).json == nothing


async def test_many_readers_at_once_get_the_bytes_and_fill_the_cache_once(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, DATA)
    answers = await asyncio.gather(*(get(demo, image_id) for _ in range(8)))
    assert {answer.body == DATA for answer in answers} == {True}
    assert list(await cached(cloud)) == [image_id]
    assert files(cloud) == [image_id]


async def test_two_processes_that_fill_it_at_once_keep_the_file_of_one(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": ON}, paired=True)
    demo = await cloud.http("demo")
    images = [await an_image(demo, DATA) for _ in range(4)]
    await asyncio.gather(*(get(demo, image_id) for image_id in images * 8))
    assert sorted(await cached(cloud)) == files(cloud) == sorted(images)


async def test_a_reader_who_leaves_early_leaves_nothing_behind(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, bytes(9_000_000))
    url = f"{cloud.urls['image']}/v2/images/{image_id}/file"
    async with aiohttp.ClientSession() as session, session.get(url, headers={"X-Auth-Token": demo.token}) as response:
        await response.content.readany()
    await cloud.settle()
    assert await cached(cloud) == {}
    assert files(cloud) == []
    (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {image_id: 0}


async def test_what_is_queued_is_fetched(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id, empty = await an_image(demo, DATA, visibility="private"), await a_queued_image(demo)
    (await admin.put("image", f"/v2/cache/{image_id}")).ok(202)
    assert await cached(cloud) == {image_id: 0}
    assert (await state(admin))["queued_images"] == []
    lose_from_store(cloud, image_id)
    assert (await get(demo, image_id)).ok(200).body == DATA
    (await admin.put("image", f"/v2/cache/{image_id}")).ok(202)
    assert (await state(admin))["queued_images"] == []
    (await admin.put("image", f"/v2/cache/{empty}")).ok(400)
    (await admin.put("image", "/v2/cache/nothing")).ok(404)
    (await admin.delete("image", f"/v2/cache/{image_id}")).ok(204)
    assert await cached(cloud) == {}
    assert files(cloud) == []
    (await admin.delete("image", "/v2/cache/nothing")).ok(404)


async def test_the_cache_and_its_queue_are_cleared_one_by_one_or_both(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    kept, lost = await an_image(demo, DATA), await an_image(demo, DATA)
    lose_from_store(cloud, lost)
    (await get(demo, kept)).ok(200)

    async def clear(**headers: str) -> Answer:
        return await admin.delete("image", "/v2/cache", headers=headers)

    (await admin.put("image", f"/v2/cache/{lost}")).ok(202)
    await cloud.settle()
    assert (await state(admin))["queued_images"] == [lost]
    (await clear(**{"x-image-cache-clear-target": "everything"})).ok(400)
    (await clear(**{"x-image-cache-clear-target": "Queue"})).ok(204)
    assert ((await state(admin))["queued_images"], await cached(cloud)) == ([], {kept: 0})
    (await admin.put("image", f"/v2/cache/{lost}")).ok(202)
    (await clear(**{"x-image-cache-clear-target": "cache"})).ok(204)
    assert ((await state(admin))["queued_images"], await cached(cloud)) == ([lost], {})
    (await get(demo, kept)).ok(200)
    await cloud.settle()
    (await clear()).ok(204)
    assert ((await state(admin))["queued_images"], await cached(cloud)) == ([], {})


CALLS = [
    ("GET", "/v2/cache"), ("DELETE", "/v2/cache"), ("PUT", "/v2/cache/{id}"), ("DELETE", "/v2/cache/{id}"),
    ("GET", "/v2/cache/nodes/{id}"), ("POST", "/v2/cache/clean"), ("POST", "/v2/cache/prune"),
]  # fmt: skip


async def test_the_cache_is_the_administrators(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": ON})
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await an_image(demo, DATA, visibility="private")
    (await get(demo, image_id)).ok(200)
    for method, path in CALLS:
        for client in (demo, await cloud.http("reader")):
            (await client.request(method, "image", path.format(id=image_id))).ok(403)
        hidden = path in ("/v2/cache/{id}",)
        (await alt.request(method, "image", path.format(id=image_id))).ok(404 if hidden else 403)
    assert await cached(cloud) == {image_id: 0}


async def test_without_a_cache_administrators_get_an_error(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO)
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await an_image(demo, DATA)
    (await get(demo, image_id)).ok(200)
    for method, path in CALLS:
        (await admin.request(method, "image", path.format(id=image_id))).ok(404)
        (await demo.request(method, "image", path.format(id=image_id))).ok(403)
    assert not folder(cloud).exists()


async def test_after_a_crash_only_what_is_whole_is_in_the_cache(a_cloud: ACloud) -> None:
    wish = {**ON, "image_cache_stall_time": 0.0, "worker_self_reference_url": "http://node"}
    cloud = await a_cloud(services=TWO, settings={"image": wish})
    demo = await cloud.http("demo")
    lost, cut, kept = [await an_image(demo, DATA) for _ in range(3)]
    for image_id in (lost, cut, kept):
        (await get(demo, image_id)).ok(200)
    assert set(await cached(cloud)) == {lost, cut, kept}
    await cloud.close()
    (node,) = (path for path in folder(cloud).iterdir() if path.is_dir())
    named = {path.name[:36]: path for path in node.iterdir()}
    named[lost].unlink()
    named[cut].write_bytes(DATA[:1000])
    (node / f"{kept}.orphan").write_bytes(b"a row never came")
    (node / "incoming" / f"{kept}.half.12345678").write_bytes(b"half")

    again = await a_cloud(services=TWO, settings={"image": wish})
    demo = await again.http("demo")
    await again.settle()
    assert files(again) == sorted([cut, kept])
    for image_id in (lost, cut, kept):
        assert (await get(demo, image_id)).ok(200).body == DATA
    assert set(await cached(again)) == {lost, cut, kept}
    assert all(path.stat().st_size == len(DATA) for path in node.iterdir() if path.is_file())


async def test_bytes_that_are_not_the_images_are_not_kept(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, DATA)
    (path,) = (Path(cloud.cloud.options.data_dir) / "image" / "images").glob(f"{image_id}*")
    path.write_bytes(b"y" * len(DATA))
    (await get(demo, image_id)).ok(200)
    assert await cached(cloud) == {}
    assert files(cloud) == []


async def test_a_full_disk_of_the_cache_does_not_stop_a_download(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, DATA)
    (node,) = (path for path in folder(cloud).iterdir() if path.is_dir())
    (node / "incoming").rmdir()
    (node / "incoming").touch()
    assert (await get(demo, image_id)).ok(200).body == DATA
    assert await cached(cloud) == {}


async def test_with_a_cache_its_versions_are_listed_and_the_stock_command_manages_it(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    found = (await demo.get("image", "/versions")).ok(200).json["versions"]
    assert [each["id"] for each in found] == [f"v2.{minor}" for minor in range(18, -1, -1)]
    image_id = await an_image(admin, DATA)
    await cloud.openstack("cached", "image", "queue", image_id, user="admin")
    await cloud.settle()
    assert image_id in await cloud.openstack("cached", "image", "list", user="admin")
    await cloud.openstack("cached", "image", "clear", user="admin")
    assert await cached(cloud) == {}
