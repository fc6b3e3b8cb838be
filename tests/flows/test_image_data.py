"""Bytes of an image, over real HTTP: in, out, and every way it can go wrong."""

import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.builders.images import a_queued_image, an_image, get_image, upload_image
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import pass_time, until

OCTETS = {"Content-Type": "application/octet-stream"}
TWO = ("identity", "image")


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=TWO)


async def filled(client: JsonClient, data: bytes, **wish: Any) -> str:
    image_id = await a_queued_image(client, **wish)
    (await upload_image(client, image_id, data)).ok(204)
    return image_id


def objects(cloud: TestCloud) -> list[str]:
    root = Path(cloud.cloud.options.data_dir) / "image"
    return [path.name for folder in ("images", "incoming") for path in (root / folder).iterdir()]


@pytest.mark.parametrize("size", [0, 1, 65535, 1024**2, 5 * 1024**2 + 3])
async def test_what_goes_in_comes_out_with_matching_digests(cloud: TestCloud, size: int) -> None:
    demo = await cloud.http("demo")
    data = bytes(range(251)) * (size // 251) + b"z" * (size % 251)
    image_id = await filled(demo, data)
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", size, size or None)
    assert image["checksum"] == hashlib.md5(data).hexdigest()
    assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
    answer = (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200)
    assert answer.body == data
    assert answer.headers["Content-MD5"] == image["checksum"]
    assert len(objects(cloud)) == 1


@pytest.mark.one_process
async def test_the_answer_to_a_large_upload_alone_ends_its_connection(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for size, ends in ((100_000, False), (3 * 1024**2, True)):
        answer = (await upload_image(demo, await a_queued_image(demo), bytes(size))).ok(204)
        assert (answer.headers.get("Connection") == "close") is ends


@pytest.mark.parametrize(
    ("wish", "status", "body", "content_range"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=-5", 206, b"56789", "bytes 5-9/10"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=-999", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=9-99", 206, b"9", "bytes 9-9/10"),
        ("bytes=99-", 416, None, None),
        ("bytes=10-", 416, None, None),
        ("bytes=4-2", 416, None, None),
        ("bytes=-0", 416, None, None),
        ("bytes=a-b", 416, None, None),
        ("items=0-1", 416, None, None),
        ("bytes=0-1,3-4", 400, None, None),
    ],
)
async def test_ranges(cloud: TestCloud, wish: str, status: int, body: bytes | None, content_range: str | None) -> None:
    demo = await cloud.http("demo")
    image_id = await filled(demo, b"0123456789")
    answer = (await demo.get("image", f"/v2/images/{image_id}/file", headers={"Range": wish})).ok(status)
    if body is not None:
        assert (answer.body, answer.headers["Content-Range"]) == (body, content_range)


async def test_an_image_without_data_has_nothing_to_send(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    for headers in ({}, {"Range": "bytes=0-4"}):
        (await demo.get("image", f"/v2/images/{image_id}/file", headers=headers)).ok(204)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}, 415),
        ({**OCTETS, "x-openstack-image-size": "abc"}, 400),
        ({**OCTETS, "x-openstack-image-size": "-5"}, 400),
        ({**OCTETS, "x-openstack-image-size": "10"}, 400),
    ],
)
async def test_an_upload_that_cannot_be_leaves_the_image_queued(
    cloud: TestCloud, headers: dict[str, str], status: int
) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await demo.put("image", f"/v2/images/{image_id}/file", data=b"12345", headers=headers)).ok(status)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"12345")).ok(204)


async def test_announced_and_sent_bytes_must_be_as_many(cloud: TestCloud) -> None:
    async def five() -> AsyncIterator[bytes]:
        yield b"12345"

    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await upload_image(demo, image_id, five(), **{"x-openstack-image-size": "10"})).ok(400)
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"]) == ("queued", None)
    assert objects(cloud) == []
    (await upload_image(demo, image_id, five(), **{"x-openstack-image-size": "5"})).ok(204)


async def test_formats_come_before_bytes(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = (await demo.post("image", "/v2/images", json={"name": "bare"})).ok(201).json["id"]
    (await upload_image(demo, image_id, b"x")).ok(400)
    assert (await get_image(demo, image_id))["status"] == "queued"


async def test_active_data_is_never_replaced(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await filled(demo, b"first")
    (await upload_image(demo, image_id, b"second")).ok(409)
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).body == b"first"


async def test_unsafe_content_is_refused_and_can_be_followed_by_safe_content(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    unsafe = (b"QFI\xfb" + bytes([0, 0, 0, 3]) + (0x200).to_bytes(8, "big")).ljust(65536, b"\0")
    (await upload_image(demo, image_id, unsafe)).ok(415)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"safe")).ok(204)


async def test_one_byte_over_the_cap_is_too_many_however_it_is_sent(a_cloud: ACloud) -> None:
    cap = 100_000
    cloud = await a_cloud(services=TWO, settings={"image": {"image_size_cap": cap}})

    async def chunked() -> AsyncIterator[bytes]:
        yield b"x" * cap
        yield b"y"

    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await upload_image(demo, image_id, b"x" * (cap + 1))).ok(413)
    (await upload_image(demo, image_id, chunked())).ok(413)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"x" * cap)).ok(204)


async def test_a_project_stores_no_more_than_its_quota(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"user_storage_quota": "10B"}})
    demo = await cloud.http("demo")
    await filled(demo, b"123456")
    second = await a_queued_image(demo)
    (await upload_image(demo, second, b"12345")).ok(413)
    (await upload_image(demo, second, b"1234")).ok(204)
    (await upload_image(demo, await a_queued_image(demo), b"1")).ok(413)
    (await demo.delete("image", f"/v2/images/{second}")).ok(204)
    await filled(demo, b"1")


class Held:
    """A body whose sender waits until it is let go, or breaks off."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.broken = False

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"x" * 200_000
        await self.let_go.wait()
        if self.broken:
            raise ConnectionError("the sender is gone")
        yield b"y"


async def until_status(client: JsonClient, image_id: str, status: str) -> None:
    async def reached() -> bool:
        return bool((await get_image(client, image_id))["status"] == status)

    await until(reached)


async def test_an_image_deleted_during_its_upload_takes_its_bytes_with_it(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id, held = await a_queued_image(demo), Held()
    sending = asyncio.create_task(upload_image(demo, image_id, held.chunks()))
    await until_status(demo, image_id, "saving")
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
    held.let_go.set()
    (await sending).ok(410)
    await cloud.settle()
    assert objects(cloud) == []
    (await demo.get("image", f"/v2/images/{image_id}")).ok(404)


async def test_a_second_upload_meets_a_conflict_while_the_first_goes_on(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id, held = await a_queued_image(demo), Held()
    sending = asyncio.create_task(upload_image(demo, image_id, held.chunks()))
    await until_status(demo, image_id, "saving")
    (await upload_image(demo, image_id, b"other")).ok(409)
    held.let_go.set()
    (await sending).ok(204)
    assert (await get_image(demo, image_id))["size"] == 200_001


async def test_of_many_uploads_at_once_one_wins_whole(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    bodies = [bytes([number]) * 300_000 for number in range(6)]
    answers = await asyncio.gather(*(upload_image(demo, image_id, body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [204] + [409] * 5
    winner = bodies[[answer.status for answer in answers].index(204)]
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).body == winner
    assert len(objects(cloud)) == 1


async def test_uploads_racing_with_deletes_leave_no_bytes(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")

    async def race(number: int) -> None:
        image_id = await a_queued_image(demo)
        sending = asyncio.create_task(upload_image(demo, image_id, b"x" * 150_000))
        await pass_time(number * 0.002)
        (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
        assert (await sending).status in (204, 404, 410)

    await asyncio.gather(*(race(number) for number in range(20)))
    await cloud.settle()
    assert objects(cloud) == []
    left = await cloud.rows("image", "SELECT id FROM images WHERE reserved <> 0")
    assert left == []


async def test_an_upload_that_breaks_off_can_be_done_again(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id, held = await a_queued_image(demo), Held()
    held.broken = True
    sending = asyncio.create_task(upload_image(demo, image_id, held.chunks()))
    await until_status(demo, image_id, "saving")
    held.let_go.set()
    with pytest.raises(Exception, match=r"sender is gone|Can not write|Server disconnected|aborted"):
        await sending
    await until_status(demo, image_id, "queued")
    await cloud.settle()
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"again")).ok(204)


async def test_a_silent_upload_is_cut(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"upload_seconds": 0.3}})
    demo = await cloud.http("demo")
    image_id, held = await a_queued_image(demo), Held()
    (await upload_image(demo, image_id, held.chunks())).ok(408)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert objects(cloud) == []


async def test_uploads_of_a_worker_that_died_are_queued_again_at_the_next_start(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    await cloud.rows(
        "image",
        "UPDATE images SET status = 'saving', object = $1, reserved = 5 WHERE id = $2",
        f"{image_id}.left", image_id,
    )  # fmt: skip
    root = Path(cloud.cloud.options.data_dir) / "image"
    (root / "incoming" / f"{image_id}.left").write_bytes(b"half")
    (root / "images" / "nobodys").write_bytes(b"orphan")
    await cloud.cloud.restart("image")
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"]) == ("queued", None)
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"again")).ok(204)


async def test_a_full_disk_is_reported_and_leaves_nothing(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))  # a write beyond it fails as on a full disk
    try:
        answer = await upload_image(demo, image_id, b"x" * 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    answer.ok(413)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert objects(cloud) == []
    (await upload_image(demo, image_id, b"x" * 300_000)).ok(204)


async def test_deactivated_data_is_for_administrators_only(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await filled(demo, b"data")
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    assert (await get_image(demo, image_id))["status"] == "deactivated"
    (await demo.get("image", f"/v2/images/{image_id}/file")).ok(403)
    assert (await admin.get("image", f"/v2/images/{image_id}/file")).ok(200).body == b"data"
    (await upload_image(demo, image_id, b"other")).ok(409)
    (await demo.post("image", f"/v2/images/{image_id}/actions/reactivate")).ok(204)
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == b"data"


async def test_only_images_with_data_can_be_deactivated(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    for action in ("deactivate", "reactivate"):
        (await demo.post("image", f"/v2/images/{image_id}/actions/{action}")).ok(403)


async def test_raw_data_may_be_a_text_but_no_half_of_another_format(cloud: TestCloud) -> None:
    demo, text = await cloud.http(), "# Not a disk: café\n".encode() * 9000
    image = await get_image(demo, await an_image(demo, text))
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(text), len(text))
    half = b"LUKS\xba\xbe\x00\x01" + bytes(20)
    assert (await upload_image(demo, await a_queued_image(demo), half)).status == 415
