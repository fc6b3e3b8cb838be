"""The image-volume cache: volumes of an image are clones of one of the internal project, while they are alike."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stackwire.contracts.base import Event
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notifier
from support.builders.images import PATCH, an_image
from support.builders.volumes import VOLUME_VERSION, create_volume, get_volume
from support.cloud import ACloud, JsonClient, TestCloud
from support.ear import Ear
from support.polling import until

V = "/v3/{project_id}"
ENTRIES = "SELECT * FROM image_volume_cache_entries ORDER BY id"
INTERNAL = ("internal-project", "internal-user")
HOST = "stackwire@cache#cache"
BACKENDS = """
[backends.files]
[backends.cache]
image_volume_cache_enabled = true
image_volume_cache_max_size_gb = 4
image_volume_cache_max_count = 2
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "backends.toml"
    path.write_text(BACKENDS)
    project, user = INTERNAL
    return {
        "backends": path, "cinder_internal_tenant_project_id": project, "cinder_internal_tenant_user_id": user,
    }  # fmt: skip


@pytest.fixture
async def cloud(a_cloud: ACloud, settings: dict[str, Any]) -> TestCloud:
    cloud = await a_cloud(services=("identity", "image", "volume"), settings={"volume": settings})
    await a_type(cloud, "cached", "cache")
    return cloud


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def a_type(cloud: TestCloud, name: str, backend: str) -> None:
    admin = await cloud.http("admin")
    body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": backend}}}
    (await admin.post("volume", f"{V}/types", json=body, headers=VOLUME_VERSION)).ok(200)


async def a_cached(cloud: TestCloud, client: JsonClient, image: str, **fields: Any) -> dict[str, Any]:
    """A new volume of the image on the back end with the cache."""
    wish = {"imageRef": image, "volume_type": "cached", "size": 1, **fields}
    volume: dict[str, Any] = await create_volume(cloud, client, **wish)
    assert volume["status"] == "available"
    return volume


class Looks:
    """What the cache, the volumes and the image service emit meanwhile."""

    def __init__(self, cloud: TestCloud) -> None:
        self._ears = [Ear(cloud, kind) for kind in ("image_volume_cache.", "volume.", "image.send")]

    def heard(self) -> list[str]:
        """The cache's own events."""
        return [name.rpartition(".")[2] for name, _ in self._ears[0].heard]

    def downloads(self) -> int:
        return len(self._ears[2].heard)

    @property
    def payloads(self) -> list[Any]:
        return self._ears[0].data()

    def volumes(self) -> list[tuple[str, str]]:
        """Events of the volumes of the internal project."""
        return [
            (name, payload["display_name"])
            for (name, _), payload in zip(self._ears[1].heard, self._ears[1].data(), strict=True)
            if name.startswith("volume.") and payload["tenant_id"] == INTERNAL[0]
        ]


async def entries(cloud: TestCloud) -> list[dict[str, Any]]:
    return await cloud.rows("volume", ENTRIES)


def bytes_of(cloud: TestCloud, volume: str) -> bytes:
    path = cloud.cloud.options.data_dir / "volume" / "volumes-cache" / f"volume-{volume}"
    return path.read_bytes()[:4096]


async def test_the_first_volume_of_an_image_fills_the_cache_and_the_next_is_a_clone(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image = await an_image(demo, b"data" * 1024, team="storage")
    looks = Looks(cloud)
    first = await a_cached(cloud, demo, image, size=2, description="mine", metadata={"key": "value"})
    assert (looks.heard(), looks.downloads()) == (["miss", "miss", "miss"], 1)
    assert looks.payloads[0] == {"image_id": image, "host": HOST}
    name = f"image-{image}"
    assert looks.volumes() == [("volume.create.start", name), ("volume.create.end", name)]
    (entry,) = await entries(cloud)
    assert (entry["host"], entry["image_id"], entry["size"], entry["cluster_name"]) == (HOST, image, 1, None)
    (row,) = await cloud.rows("volume", "SELECT * FROM volumes WHERE id = $1", entry["volume_id"])
    assert (row["project_id"], row["user_id"], row["size"], row["status"], row["readonly"], row["bootable"]) == (
        *INTERNAL, 1, "available", True, False,
    )  # fmt: skip
    assert (row["source_volid"], row["description"]) == (first["id"], "mine")
    second = await a_cached(cloud, demo, image)
    assert (looks.heard()[3:], looks.downloads()) == (["hit", "hit"], 1)
    kept = [(await get_volume(demo, each["id"]))["volume_image_metadata"] for each in (first, second)]
    assert kept[0].pop("signature_verified") == "False"
    assert kept[0] == kept[1]
    assert (kept[1]["team"], second["bootable"]) == ("storage", "true")
    assert bytes_of(cloud, second["id"]) == b"data" * 1024
    (used,) = await entries(cloud)
    assert used["last_used"] > entry["last_used"]


async def test_users_neither_see_nor_pay_for_cached_volumes(cloud: TestCloud, demo: JsonClient) -> None:
    await a_cached(cloud, demo, await an_image(demo))
    shown = (await demo.get("volume", f"{V}/volumes/detail", headers=VOLUME_VERSION)).ok(200).json["volumes"]
    assert [volume["name"] for volume in shown] == [None]
    (entry,) = await entries(cloud)
    (await demo.get("volume", f"{V}/volumes/{entry['volume_id']}", headers=VOLUME_VERSION)).ok(404)
    usage = await cloud.rows(
        "volume",
        "SELECT resource, in_use FROM quota_usages WHERE in_use > 0 AND project_id = $1 ORDER BY resource",
        INTERNAL[0],
    )
    assert [(row["resource"], row["in_use"]) for row in usage] == [("gigabytes", 1), ("volumes", 1)]


async def test_a_changed_or_deleted_image_leaves_the_cache_as_soon_as_the_image_service_tells(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image, other = await an_image(demo), await an_image(demo)
    for each in (image, other):
        await a_cached(cloud, demo, each)
    looks = Looks(cloud)
    await until(lambda: _seconds_pass(cloud, image))
    change = [{"op": "add", "path": "/team", "value": "changed"}]
    (await demo.patch("image", f"/v2/images/{image}", json=change, headers=PATCH)).ok(200)
    await cloud.settle()
    assert [entry["image_id"] for entry in await entries(cloud)] == [other]
    assert looks.heard() == ["evict"]
    assert looks.volumes() == [("volume.delete.start", f"image-{image}"), ("volume.delete.end", f"image-{image}")]
    again = await a_cached(cloud, demo, image)
    assert again["volume_image_metadata"]["team"] == "changed"
    assert looks.heard() == ["evict", *["miss"] * 3]
    (await demo.delete("image", f"/v2/images/{other}")).ok(204)
    await cloud.settle()
    assert [entry["image_id"] for entry in await entries(cloud)] == [image]
    # told again, told late, told of nothing
    (await demo.delete("image", f"/v2/images/{other}")).ok(404)
    await tell(cloud, "image.delete", {"id": other, "updated_at": "2026-01-01T00:00:00Z"})
    await tell(cloud, "image.update", {"id": image, "updated_at": "2020-01-01T00:00:00Z"})
    assert [entry["image_id"] for entry in await entries(cloud)] == [image]


async def _seconds_pass(cloud: TestCloud, image: str) -> bool:
    """Whether a change of the image would have another time: these are whole seconds."""
    (entry,) = [each for each in await entries(cloud) if each["image_id"] == image]
    updated: datetime = entry["image_updated_at"]
    return (datetime.now(updated.tzinfo) - updated).total_seconds() >= 1


async def tell(cloud: TestCloud, event_type: str, payload: dict[str, Any]) -> None:
    event = Event(exchange="glance", event_type=event_type, publisher_id="image.localhost", payload=payload)
    await Notifier(cloud.cloud._transports["image"]).send(event, {}, event_type, "2026-01-02 03:04:05.678901")
    await cloud.settle()


def listeners(cloud: TestCloud) -> list[NotificationListener]:
    """One of each process."""
    servers = [server for process in cloud.processes("volume") for server in process._servers]
    return [each for each in servers if isinstance(each, NotificationListener)]


async def test_what_a_lost_notification_leaves_is_found_by_the_next_look_or_comparison(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image, gone = await an_image(demo), await an_image(demo)
    for name in (image, gone):
        await a_cached(cloud, demo, name)
    for each in listeners(cloud):
        await each.stop()
    outdate = "UPDATE image_volume_cache_entries SET image_updated_at = image_updated_at - interval '1 day'"
    await cloud.rows("volume", f"{outdate} WHERE image_id = $1", image)
    (await demo.delete("image", f"/v2/images/{gone}")).ok(204)
    looks = Looks(cloud)
    await a_cached(cloud, demo, image)
    assert looks.heard() == ["evict", "miss", "miss", "miss"]
    for each in listeners(cloud) * 2:
        await each.catch_up()
    await cloud.settle()
    assert [entry["image_id"] for entry in await entries(cloud)] == [image]


async def test_the_cache_is_bounded_by_count_and_size_and_forgets_what_was_used_least_lately(
    cloud: TestCloud, demo: JsonClient
) -> None:
    images = [await an_image(demo) for _ in range(3)]
    for image in images[:2]:
        await a_cached(cloud, demo, image)
    await a_cached(cloud, demo, images[0])
    await a_cached(cloud, demo, images[2])
    assert [entry["image_id"] for entry in await entries(cloud)] == [images[0], images[2]]
    await cloud.rows("volume", "UPDATE image_volume_cache_entries SET size = 4 WHERE image_id = $1", images[0])
    await a_cached(cloud, demo, images[1])  # 4 GiB and the new one are too many
    assert [entry["image_id"] for entry in await entries(cloud)] == [images[2], images[1]]
    path, body = f"{V}/os-quota-sets/{INTERNAL[0]}", {"quota_set": {"volumes": 0}}
    (await (await cloud.http("admin")).put("volume", path, json=body)).ok(200)
    await a_cached(cloud, demo, images[0])  # not kept, and no worse for that
    assert images[0] not in [entry["image_id"] for entry in await entries(cloud)]


async def test_deleting_a_cached_volume_evicts_it_and_one_without_bytes_is_no_clone(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image, other = await an_image(demo), await an_image(demo, b"other" * 8)
    for each in (image, other):
        await a_cached(cloud, demo, each)
    first, second = await entries(cloud)
    looks, admin = Looks(cloud), await cloud.http("admin")
    (await admin.delete("volume", f"{V}/volumes/{first['volume_id']}")).ok(202)
    await cloud.settle()
    assert (looks.heard(), [entry["id"] for entry in await entries(cloud)]) == (["evict"], [second["id"]])
    folder = cloud.cloud.options.data_dir / "volume" / "volumes-cache"
    (folder / f"volume-{second['volume_id']}").unlink()
    volume = await a_cached(cloud, demo, other)
    assert bytes_of(cloud, volume["id"])[:40] == b"other" * 8
    assert looks.heard()[1:] == ["hit", "hit"]


async def test_what_a_dead_worker_left_of_a_cached_volume_is_deleted(cloud: TestCloud, demo: JsonClient) -> None:
    await a_cached(cloud, demo, await an_image(demo))
    (entry,) = await entries(cloud)
    await cloud.rows(
        "volume",
        "WITH lease AS (INSERT INTO leases (noun, id, owner, expires_at)"
        " VALUES ('volume', $1, 'a dead one', now()))"
        " UPDATE volumes SET status = 'creating', readonly = NULL, launched_at = NULL WHERE id = $1 RETURNING id",
        entry["volume_id"],
    )
    await cloud.cloud.restart("volume")
    await cloud.settle()
    assert await entries(cloud) == []
    (row,) = await cloud.rows("volume", "SELECT status, deleted FROM volumes WHERE id = $1", entry["volume_id"])
    assert (row["status"], row["deleted"]) == ("deleted", True)
    (used,) = await cloud.rows(
        "volume", "SELECT in_use FROM quota_usages WHERE project_id = $1 AND resource = 'volumes'", INTERNAL[0]
    )
    assert used["in_use"] == 0


async def test_without_an_internal_project_nothing_is_cached(
    a_cloud: ACloud, settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["cinder_internal_tenant_user_id"] = ""
    cloud = await a_cloud(services=("identity", "image", "volume"), settings={"volume": settings})
    await a_type(cloud, "cached", "cache")
    demo = await cloud.http("demo")
    looks = Looks(cloud)
    await a_cached(cloud, demo, await an_image(demo))
    assert (looks.heard(), await entries(cloud)) == ([], [])
