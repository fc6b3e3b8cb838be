"""Delayed deletion: what is deleted can be taken back for a while, then its bytes go, whoever dies meanwhile."""

import asyncio
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.test_image_bytes import sweep
from stackwire.core.clock import Clock
from stackwire.image.domain.errors import NotRestorable
from stackwire.image.flows.worker.scrub import restore
from stackwire.image.settings import ImageSettings
from support.builders.images import a_queued_image, an_image, get_image
from support.cloud import ACloud, JsonClient, TestCloud

TWO = ("identity", "image")
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(251)) * 900
LATE = timedelta(seconds=601)
DELAYED = {"delayed_delete": True, "scrub_time": 600, "scrub_pool_size": 2}


class Hands(Clock):
    """A clock whose hands can be moved."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Hands:
    return Hands()


async def a_delaying_cloud(a_cloud: ACloud, clock: Clock, release: str = "current", **more: Any) -> TestCloud:
    return await a_cloud(services=TWO, clock=clock, release=release, settings={"image": {**DELAYED, **more}})


async def delete(client: JsonClient, image_id: str, status: int = 204) -> None:
    (await client.delete("image", f"/v2/images/{image_id}")).ok(status)


async def status_of(cloud: TestCloud, image_id: str) -> str:
    return str((await cloud.rows("image", "SELECT status FROM images WHERE id = $1", image_id))[0]["status"])


def objects(cloud: TestCloud, image_id: str) -> list[Path]:
    return list((Path(cloud.cloud.options.data_dir) / "image").rglob(f"{image_id}.*"))


def restored(cloud: TestCloud, image_id: str) -> tuple[int, str]:
    """What ``stackwire image restore`` ends with, and says."""
    command = [sys.executable, "-m", "stackwire.cloud", "image", "restore", image_id]
    url = cloud.database.url("image")
    done = subprocess.run([*command, "--database-url", url], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


async def test_a_deleted_image_waits_for_the_scrubber_and_is_gone_to_everybody(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock)
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id, queued = await an_image(client, DATA, tags=["t"], team="red"), await a_queued_image(client)
    await delete(client, image_id)
    await delete(client, queued)
    await cloud.settle()
    assert (await status_of(cloud, image_id), await status_of(cloud, queued)) == ("pending_delete", "deleted")
    for user in (client, admin):
        (await user.get("image", f"/v2/images/{image_id}")).ok(404)
        (await user.get("image", f"/v2/images/{image_id}/file")).ok(404)
        await delete(user, image_id, 404)
        for query in ("", "?status=pending_delete"):
            listed = (await user.get("image", f"/v2/images{query}")).ok(200).json["images"]
            assert [image["id"] for image in listed] == []
    (await client.post("image", "/v2/images", json={"id": image_id})).ok(409)

    said = await cloud.rows("image", "SELECT payload FROM outbox WHERE name = 'image.delete' ORDER BY seq")
    told = next(row["payload"] for row in said if row["payload"]["id"] == image_id)
    assert (told["status"], told["deleted"], told["properties"], told["tags"]) == (
        "pending_delete", True, {"team": "red"}, ["t"],
    )  # fmt: skip

    await sweep(cloud)
    assert objects(cloud, image_id)
    clock.ahead = LATE
    await sweep(cloud)
    assert (await status_of(cloud, image_id), objects(cloud, image_id)) == ("deleted", [])
    left = "SELECT value FROM image_locations UNION SELECT value FROM image_tags"
    assert await cloud.rows("image", left) == []
    assert len(said) == len(await cloud.rows("image", "SELECT 1 FROM outbox WHERE name LIKE 'image.delete%'"))


async def test_an_image_is_taken_back_with_all_that_was_its_own(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock)
    client, alt = await cloud.http(), await cloud.http("alt")
    image_id = await an_image(client, DATA, tags=["t"], team="red", colour="blue")
    patch = [{"op": "remove", "path": "/colour"}]
    media = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    (await client.patch("image", f"/v2/images/{image_id}", json=patch, headers=media)).ok(200)
    (await client.post("image", f"/v2/images/{image_id}/members", json={"member": alt.project_id})).ok(200)
    before = await get_image(client, image_id)
    await delete(client, image_id)
    assert restored(cloud, image_id) == (0, f"the image {image_id} is active again\n")
    after = await get_image(client, image_id)
    assert {**after, "updated_at": before["updated_at"]} == before
    assert (await client.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA
    assert (await get_image(alt, image_id))["team"] == "red"

    clock.ahead = LATE
    await sweep(cloud)
    assert (await get_image(client, image_id))["status"] == "active"
    await delete(client, image_id)
    clock.ahead += LATE
    await sweep(cloud)
    assert (await status_of(cloud, image_id), objects(cloud, image_id)) == ("deleted", [])


async def test_only_what_still_waits_can_be_taken_back(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock, scrub_time=0)
    client = await cloud.http()
    active, gone = await an_image(client, DATA), await an_image(client, DATA)
    await delete(client, gone)
    await sweep(cloud)
    for image_id, why in ((active, "it is active"), (gone, "it is deleted"), ("nothing", "No image found")):
        code, said = restored(cloud, image_id)
        assert code == 1
        assert why in said
        assert said.count("\n") == 1
    assert (await get_image(client, active))["status"] == "active"
    assert await status_of(cloud, gone) == "deleted"


async def test_a_scrub_that_was_cut_off_is_ended_by_the_next_and_cannot_be_taken_back(
    a_cloud: ACloud, clock: Hands
) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock)
    client = await cloud.http()
    stuck, other = await an_image(client, DATA), await an_image(client, DATA)
    await delete(client, stuck)
    await delete(client, other)
    clock.ahead = LATE
    (file,) = objects(cloud, stuck)
    file.unlink()
    file.mkdir()  # what no store can remove
    await sweep(cloud)
    assert (await status_of(cloud, stuck), await status_of(cloud, other)) == ("pending_delete", "deleted")
    code, said = restored(cloud, stuck)
    assert (code, "its data is being removed" in said) == (1, True)
    file.rmdir()  # as when it died right after the last byte
    await cloud.cloud.restart("image")
    await cloud.settle()
    await sweep(cloud)
    assert await status_of(cloud, stuck) == "deleted"


async def test_what_waits_to_be_scrubbed_counts_in_no_quota(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock, user_storage_quota=str(len(DATA)), image_count_total=1)
    client = await cloud.http()
    first = await an_image(client, DATA)
    (await client.post("image", "/v2/images", json={"name": "more"})).ok(413)
    await delete(client, first)
    second = await an_image(client, DATA)
    assert (await get_image(client, second))["size"] == len(DATA)
    assert objects(cloud, first)


async def test_a_deactivated_image_is_not_delayed_and_stays(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock)
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA)
    (await admin.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    await delete(client, image_id, 400)
    (await admin.post("image", f"/v2/images/{image_id}/actions/reactivate")).ok(204)
    assert (await client.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA


async def test_all_stores_are_scrubbed_and_all_are_taken_back(a_cloud: ACloud, clock: Hands) -> None:
    several = {"enabled_backends": "fast:file,slow:file", "default_backend": "fast"}
    cloud = await a_delaying_cloud(a_cloud, clock, **several)
    admin = await cloud.http("admin")
    image_id = await an_image(admin, DATA)
    copy = {"method": {"name": "copy-image"}, "stores": ["slow"]}
    (await admin.post("image", f"/v2/images/{image_id}/import", json=copy)).ok(202)
    await cloud.settle()
    await delete(admin, image_id)
    await sweep(cloud)
    assert len(objects(cloud, image_id)) == 2
    assert restored(cloud, image_id)[0] == 0
    assert (await get_image(admin, image_id))["stores"] == "fast,slow"
    await delete(admin, image_id)
    clock.ahead = LATE
    await sweep(cloud)
    assert (await status_of(cloud, image_id), objects(cloud, image_id)) == ("deleted", [])


async def test_a_store_that_is_away_keeps_nothing_waiting_but_its_own(a_cloud: ACloud, clock: Hands) -> None:
    several = {"enabled_backends": "fast:file,slow:file", "default_backend": "fast"}
    cloud = await a_delaying_cloud(a_cloud, clock, scrub_time=0, **several)
    client = await cloud.http()
    fast, slow = await an_image(client, DATA), await a_queued_image(client)
    headers = {**OCTETS, "x-image-meta-store": "slow"}
    (await client.put("image", f"/v2/images/{slow}/file", data=io.BytesIO(DATA), headers=headers)).ok(204)
    (file,) = objects(cloud, slow)
    away = file.parent.rename(file.parent.with_name("away"))
    file.parent.touch()
    for image_id in (slow, fast):
        await delete(client, image_id)
    await sweep(cloud)
    assert (await status_of(cloud, slow), await status_of(cloud, fast)) == ("pending_delete", "deleted")
    file.parent.unlink()
    away.rename(file.parent)
    await sweep(cloud)
    assert (await status_of(cloud, slow), objects(cloud, slow)) == ("deleted", [])


async def test_v1_shows_administrators_what_waits_and_lets_nobody_touch_it(a_cloud: ACloud, clock: Hands) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock, release="queens")
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA, team="red")
    path = f"/v1/images/{image_id}"
    since = f"/v1/images/detail?changes-since={(await get_image(client, image_id))['updated_at']}"
    (await client.delete("image", path)).ok(200)
    assert await status_of(cloud, image_id) == "pending_delete"
    (image,) = (await client.get("image", since)).ok(200).json["images"]
    assert (image["status"], image["deleted"]) == ("pending_delete", True)
    for verb in ("HEAD", "GET", "PUT", "DELETE"):
        (await client.request(verb, "image", path)).ok(404)
    for verb, answer in (("HEAD", 200), ("GET", 404), ("PUT", 403), ("DELETE", 403)):
        (await admin.request(verb, "image", path, headers={"x-image-meta-name": "n"})).ok(answer)

    async def told() -> tuple[str, str]:
        headers = (await admin.request("HEAD", "image", path)).ok(200).headers
        return headers["x-image-meta-status"], headers["x-image-meta-deleted"]

    assert await told() == ("pending_delete", "True")
    clock.ahead = LATE
    await sweep(cloud)
    assert await told() == ("deleted", "True")
    (await admin.delete("image", path)).ok(404)
    (await admin.put("image", path, headers={"x-image-meta-name": "n"})).ok(403)


@pytest.mark.parametrize("wrong", [{"scrub_time": -1}, {"scrub_pool_size": 0}, {"wakeup_time": 0}])
def test_settings_of_the_scrubber_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        ImageSettings(**wrong)


def test_the_command_says_where_no_cloud_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stackwire.cloud", "image", "restore", "x", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, f"stackwire: no cloud runs in {tmp_path}\n")


async def test_whoever_is_first_the_scrubber_or_the_one_who_wants_it_back_has_it_whole(
    a_cloud: ACloud, clock: Hands
) -> None:
    cloud = await a_delaying_cloud(a_cloud, clock, scrub_time=0, scrub_pool_size=4, wakeup_time=7777)
    client = await cloud.http()
    images = [await an_image(client, DATA) for _ in range(24)]
    for image_id in images:
        await delete(client, image_id)
    database = cloud.cloud.services["image"].database

    async def want() -> dict[str, bool]:
        """From the other end, once the scrubber is at it; whether each was had."""
        had = {images[-1]: True}
        async with asyncio.timeout(60):
            while not await cloud.rows("image", "SELECT 1 FROM images WHERE status = 'deleted'"):
                pass
        for image_id in reversed(images[:-1]):
            try:
                await restore(database, image_id)
                had[image_id] = True
            except NotRestorable:
                had[image_id] = False
        return had

    await restore(database, images[-1])
    (scrub,) = (one.run for one in cloud.cloud.services["image"]._sweeps._sweeps if one.every == 7777)
    had, _ = await asyncio.gather(want(), scrub())
    await sweep(cloud)
    for image_id in images:
        if had[image_id]:
            assert (await client.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA
        else:
            assert (await status_of(cloud, image_id), objects(cloud, image_id)) == ("deleted", [])
    assert {*had.values()} == {True, False}
