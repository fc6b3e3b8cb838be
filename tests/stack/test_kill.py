"""A service that is killed at any failpoint and started again leaves every flow finished or cleanly failed.

The services are processes of their own on RabbitMQ and PostgreSQL. In each case one of them dies right before or after
a commit, or right after a publish, and is started again; then nothing is stuck, nothing is half captured, and the same
request sent again succeeds.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from stackwire.db.bootstrap import create_database, drop_database
from support import invariants
from support.builders.servers import SMALL_FLAVOR, TINY_FLAVOR
from support.cloud import log_in
from support.polling import until
from support.postgres import TestDatabase, TestServer
from support.processes import CRASHED, Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.retrying_client import (
    DELETED,
    SEVERAL_STORES,
    STORES,
    ProcessCloud,
    RetryingClient,
    backup_path,
    from_volume,
    server_path,
    unique,
    volume_path,
)

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(180)]

FAILPOINT_TIMEOUT_SECONDS = 60.0
"""An upload to an image reads a whole GiB, which takes a loaded machine half a minute."""
MOVE_TIMEOUT_SECONDS = 30.0
"""How long a volume may be on its way under its server, whoever dies."""
SETTLE_TIMEOUT_SECONDS = 15.0
QUICK = {
    "SWEEP_SECONDS": "0.5",
    "LEASE_SECONDS": "2.0",
    "HEARTBEAT_SECONDS": "0.5",
    "CALL_MONITOR_TIMEOUT_SECONDS": "3",
}
"""Short leases: a killed process counts as dead soon."""

BACKENDS = """
[backends.files]
[backends.far]
[backends.cache]
availability_zone = "cache"
image_volume_cache_enabled = true
"""
CACHE = {"CINDER_INTERNAL_TENANT_PROJECT_ID": "internal", "CINDER_INTERNAL_TENANT_USER_ID": "internal"}

Finish = Callable[[], Awaitable[None]]
Story = Callable[[ProcessCloud], Awaitable[Finish]]
"""Creates what must exist before the kill; returns a function that sends the request and checks its outcome."""


async def an_upload(cloud: ProcessCloud) -> Finish:
    async def finish() -> None:
        await cloud.upload(await cloud.image(unique("image")))

    return finish


async def an_import(cloud: ProcessCloud) -> Finish:
    async def finish() -> None:
        await cloud.import_staged(await cloud.image(unique("image")))

    return finish


async def an_import_into_every_store(cloud: ProcessCloud) -> Finish:
    return imported(cloud, stores=STORES)


async def an_import_into_stores_that_may_fail(cloud: ProcessCloud) -> Finish:
    return imported(cloud, stores=STORES, all_stores_must_succeed=False)


def imported(cloud: ProcessCloud, **fields: Any) -> Finish:
    """The image is in the stores it lists and no other, and can be copied into all of them."""

    async def finish() -> None:
        image = await cloud.image(unique("image"))
        await cloud.import_staged(image, **fields)
        found = (await cloud.client.get("image", f"/v2/images/{image}")).json
        assert (found["os_glance_importing_to_stores"], found["os_glance_failed_import"]) == (
            "", ",".join(sorted({*STORES} - {*found["stores"].split(",")})),
        )  # fmt: skip
        await cloud.check_bytes(image, found["stores"].split(","))
        await cloud.copy_to_all_stores(image)

    return finish


async def a_copy(cloud: ProcessCloud) -> Finish:
    return await copied(cloud, all_stores_must_succeed=True)


async def a_copy_that_may_fail(cloud: ProcessCloud) -> Finish:
    return await copied(cloud, all_stores_must_succeed=False)


async def copied(cloud: ProcessCloud, **fields: Any) -> Finish:
    image = await cloud.image(unique("image"))
    await cloud.upload(image)

    async def finish() -> None:
        await cloud.copy_to_all_stores(image, **fields)

    return finish


async def a_volume_from_an_image(cloud: ProcessCloud) -> Finish:
    image = await cloud.active_image()

    async def finish() -> None:
        volume = await cloud.volume(image)
        await cloud.check_volume(volume)

    return finish


async def a_volume_for_the_cache(cloud: ProcessCloud) -> Finish:
    image = await cloud.image(unique("image"))
    await cloud.upload(image)

    async def finish() -> None:
        for _ in range(2):
            await cloud.check_volume(await cloud.volume(image, availability_zone="cache"))

    return finish


async def an_image_that_leaves_the_cache(cloud: ProcessCloud) -> Finish:
    image = await cloud.image(unique("image"))
    await cloud.upload(image)
    volume = await cloud.volume(image, availability_zone="cache")
    await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
    entries = "SELECT count(*) FROM volume.image_volume_cache_entries WHERE image_id = $1"
    assert await cloud.tables.fetchval(entries, image) == 1

    async def finish() -> None:
        await cloud.client.try_once("DELETE", "image", f"/v2/images/{image}")

        async def is_gone() -> bool:
            return bool(await cloud.tables.fetchval(entries, image) == 0)

        await until(is_gone, 30.0, interval=0.2)

    return finish


async def an_upload_to_image(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()

    async def finish() -> None:
        name = unique("image")
        body = {"os-volume_upload_image": {"image_name": name, "disk_format": "raw", "container_format": "bare"}}
        await cloud.client.try_once("POST", "volume", f"{volume_path(volume)}/action", json=body)
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        await cloud.check_volume(volume)
        await cloud.check_image(name)

    return finish


async def a_revert(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()
    snapshot = await cloud.client.create(
        "volume", "/v3/{project_id}/snapshots", "snapshot", {"snapshot": {"volume_id": volume, "name": unique("s")}}
    )
    await cloud.client.wait_for_status("volume", f"/v3/{{project_id}}/snapshots/{snapshot}", "snapshot", {"available"})

    async def finish() -> None:
        body, newest = {"revert": {"snapshot_id": snapshot}}, {"OpenStack-API-Version": "volume 3.40"}
        await cloud.client.try_once("POST", "volume", f"{volume_path(volume)}/action", json=body, headers=newest)
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        await cloud.check_volume(volume)

    return finish


async def a_migration(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()

    async def finish() -> None:
        body = {"os-migrate_volume": {"host": "stackwire@far", "lock_volume": True}}
        await cloud.admin.try_once("POST", "volume", f"{volume_path(volume)}/action", json=body)
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        await cloud.check_volume(volume)

    return finish


async def a_migration_of_a_volume_in_use(cloud: ProcessCloud) -> Finish:
    body = {"os-migrate_volume": {"host": "stackwire@far"}}
    return moved_under_its_server(cloud, *await attached(cloud), body)


async def a_retype_of_a_volume_in_use(cloud: ProcessCloud) -> Finish:
    name = unique("far")
    body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": "far"}}}
    await cloud.admin.create("volume", "/v3/{project_id}/types", "volume_type", body)
    return moved_under_its_server(
        cloud, *await attached(cloud), {"os-retype": {"new_type": name, "migration_policy": "on-demand"}}
    )


async def attached(cloud: ProcessCloud) -> tuple[str, str]:
    server, volume = await cloud.active_server({"imageRef": await cloud.active_image()}), await cloud.available_volume()
    body = {"volumeAttachment": {"volumeId": volume}}
    await cloud.client.try_once("POST", "compute", f"{server_path(server)}/os-volume_attachments", json=body)
    await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"in-use"})
    return server, volume


def moved_under_its_server(cloud: ProcessCloud, server: str, volume: str, body: dict[str, Any]) -> Finish:
    """Until it is on the other back end; a move that is given up in between is requested again."""

    async def found() -> dict[str, Any]:
        return dict((await cloud.admin.get("volume", volume_path(volume))).json["volume"])

    async def at_rest() -> bool:
        shown = await found()
        migrating = shown["os-vol-mig-status-attr:migstat"] not in (None, "success", "error")
        return shown["status"] == "in-use" and not migrating

    async def finish() -> None:
        while "@far" not in (await found())["os-vol-host-attr:host"]:
            await cloud.admin.try_once("POST", "volume", f"{volume_path(volume)}/action", json=body)
            await until(at_rest, MOVE_TIMEOUT_SECONDS, interval=0.1)
        path = f"{server_path(server)}/os-volume_attachments"

        async def has_one_device() -> bool:
            shown = (await found())["attachments"]
            version = {"OpenStack-API-Version": "compute 2.89"}
            answer = await cloud.client.try_once("GET", "compute", path, headers=version)
            devices = answer.json["volumeAttachments"] if answer is not None and answer.status == 200 else []
            wanted = [(volume, each["attachment_id"]) for each in shown]
            return len(shown) == 1 and [(each["volumeId"], each["attachment_id"]) for each in devices] == wanted

        await until(has_one_device, MOVE_TIMEOUT_SECONDS, interval=0.1)
        await cloud.client.try_once("DELETE", "compute", f"{path}/{volume}")
        await cloud.check_volume(volume)

    return finish


NEWEST = {"OpenStack-API-Version": "volume 3.70"}
GROUPS, GROUP_SNAPSHOTS = "/v3/{project_id}/groups", "/v3/{project_id}/group_snapshots"


async def a_group_with_a_member(cloud: ProcessCloud) -> tuple[str, str]:
    """An available group, and an available volume from an image that is in it."""
    kind = unique("type")
    await cloud.admin.create(
        "volume", "/v3/{project_id}/group_types", "group_type", {"group_type": {"name": kind}}, headers=NEWEST
    )
    group = await new_group(cloud, kind)
    assert (await at_rest(cloud, f"{GROUPS}/{group}", "group"))["status"] == "available"
    volume = await cloud.available_volume()
    await cloud.client.try_once(
        "PUT", "volume", f"{GROUPS}/{group}", json={"group": {"add_volumes": volume}}, headers=NEWEST
    )
    await at_rest(cloud, f"{GROUPS}/{group}", "group")
    return group, volume


async def new_group(cloud: ProcessCloud, kind: str) -> str:
    body = {"group": {"name": unique("group"), "group_type": kind, "volume_types": ["__DEFAULT__"]}}
    return await cloud.client.create("volume", GROUPS, "group", body, headers=NEWEST)


async def at_rest(cloud: ProcessCloud, path: str, noun: str, *, gone: bool = False) -> dict[str, Any]:
    """The group or its snapshot when nobody works on it any more; {} when it is deleted, for which ``gone`` waits."""
    found: dict[str, Any] = {}

    async def rests() -> bool:
        answer = await cloud.client.try_once("GET", "volume", path, headers=NEWEST)
        found.clear()
        found.update(answer.json[noun] if answer is not None and answer.status == 200 else {})
        return answer is not None and (
            answer.status == 404 or (not gone and found.get("status") in ("available", "error"))
        )

    await until(rests, MOVE_TIMEOUT_SECONDS, interval=0.1)
    return found


async def a_group(cloud: ProcessCloud) -> Finish:
    group, _ = await a_group_with_a_member(cloud)
    kind = (await at_rest(cloud, f"{GROUPS}/{group}", "group"))["group_type"]

    async def finish() -> None:
        created = await new_group(cloud, kind)
        await at_rest(cloud, f"{GROUPS}/{created}", "group")
        await delete_group(cloud, created)
        await delete_group(cloud, group)

    return finish


async def members_of_a_group(cloud: ProcessCloud) -> Finish:
    group, volume = await a_group_with_a_member(cloud)
    other = await cloud.available_volume()

    async def finish() -> None:
        body = {"group": {"add_volumes": other, "remove_volumes": volume}}
        await cloud.client.try_once("PUT", "volume", f"{GROUPS}/{group}", json=body, headers=NEWEST)
        await at_rest(cloud, f"{GROUPS}/{group}", "group")
        for each in (volume, other):
            await cloud.check_volume(each)
        await delete_group(cloud, group)

    return finish


async def a_snapshot_of_a_group_and_a_group_from_it(cloud: ProcessCloud) -> Finish:
    group, _ = await a_group_with_a_member(cloud)

    async def finish() -> None:
        body = {"group_snapshot": {"name": unique("gs"), "group_id": group}}
        snapshot = await cloud.client.create("volume", GROUP_SNAPSHOTS, "group_snapshot", body, headers=NEWEST)
        taken = await at_rest(cloud, f"{GROUP_SNAPSHOTS}/{snapshot}", "group_snapshot")
        if taken["status"] == "available":
            path, source = f"{GROUPS}/action", {"name": unique("group"), "group_snapshot_id": snapshot}
            await cloud.client.try_once("POST", "volume", path, json={"create-from-src": source}, headers=NEWEST)
        for each in await listed(cloud, GROUPS, "groups"):
            await at_rest(cloud, f"{GROUPS}/{each}", "group")
            if each != group:
                await delete_group(cloud, each)
        await cloud.client.try_once("DELETE", "volume", f"{GROUP_SNAPSHOTS}/{snapshot}", headers=NEWEST)
        await at_rest(cloud, f"{GROUP_SNAPSHOTS}/{snapshot}", "group_snapshot", gone=True)
        await delete_group(cloud, group)

    return finish


async def listed(cloud: ProcessCloud, path: str, nouns: str) -> list[str]:
    answer = await cloud.client.get("volume", path, headers=NEWEST)
    return [str(each["id"]) for each in answer.json[nouns]]


async def delete_group(cloud: ProcessCloud, group: str) -> None:
    """With its volumes, as often as it takes."""
    path, found = f"{GROUPS}/{group}", {"status": "available"}
    while found:
        body = {"delete": {"delete-volumes": True}}
        await cloud.client.try_once("POST", "volume", f"{path}/action", json=body, headers=NEWEST)
        found = await at_rest(cloud, path, "group")


async def what_was_unmanaged_is_managed_again(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()

    async def finish() -> None:
        await cloud.admin.try_once("POST", "volume", f"{volume_path(volume)}/action", json={"os-unmanage": None})
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available", DELETED})
        await cloud.admin.try_once("POST", "volume", f"{volume_path(volume)}/action", json={"os-unmanage": None})
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {DELETED})
        ref = {"source-name": f"volume-{volume}"}
        body = {"volume": {"name": unique("managed"), "host": "stackwire@files#files", "ref": ref}}
        managed = await cloud.admin.create(
            "volume",
            "/v3/{project_id}/manageable_volumes",
            "volume",
            body,
            listed_at="/v3/{project_id}/volumes",
            headers=NEWEST,
        )
        ends = {"available", "error_managing"}
        found = await cloud.admin.wait_for_status("volume", volume_path(managed), "volume", ends)
        assert not found.get("volume_image_metadata")
        await cloud.admin.try_once("DELETE", "volume", volume_path(managed))
        await cloud.admin.wait_for_status("volume", volume_path(managed), "volume", {DELETED})

    return finish


async def an_extension_of_a_volume_in_use(cloud: ProcessCloud) -> Finish:
    _, volume = await attached(cloud)

    async def finish() -> None:
        body = {"os-extend": {"new_size": 2}}
        await cloud.client.try_once("POST", "volume", f"{volume_path(volume)}/action", json=body, headers=NEWEST)
        found = await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"in-use"})
        assert found["size"] in (1, 2)

    return finish


async def an_accepted_transfer(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()
    transfers = "/v3/{project_id}/os-volume-transfer"

    async def finish() -> None:
        body = {"transfer": {"volume_id": volume, "name": unique("transfer")}}
        offered: Any = None
        while offered is None or offered.status != 202:
            offered = await cloud.client.try_once("POST", "volume", transfers, json=body)
            for each in await listed(cloud, transfers, "transfers") if offered is None else ():  # its key is lost
                await cloud.client.try_once("DELETE", "volume", f"{transfers}/{each}")
        transfer = offered.json["transfer"]
        key = {"accept": {"auth_key": transfer["auth_key"]}}
        path = f"{transfers}/{transfer['id']}/accept"
        answer = await cloud.client.try_once("POST", "volume", path, json=key)
        if answer is None and await listed(cloud, transfers, "transfers"):
            answer = await cloud.client.try_once("POST", "volume", path, json=key)
        assert answer is None or answer.status == 202, answer.body
        await cloud.check_volume(volume)

    return finish


async def a_host_in_an_aggregate(cloud: ProcessCloud) -> Finish:
    """The scheduler hears of it though the service died before it said so."""
    path, name = "/v2.1/os-aggregates", unique("aggregate")

    async def finish() -> None:
        found: list[dict[str, Any]] = []
        while not found:
            await cloud.admin.try_once("POST", "compute", path, json={"aggregate": {"name": name}})
            every = (await cloud.admin.get("compute", path)).json["aggregates"]
            found = [each for each in every if each["name"] == name]
        own = f"{path}/{found[0]['id']}"
        host = (await cloud.admin.get("compute", "/v2.1/os-hosts")).json["hosts"][-1]["host_name"]
        for action, hosts in (("add_host", [host]), ("remove_host", [])):
            while (await cloud.admin.get("compute", own)).json["aggregate"]["hosts"] != hosts:
                await cloud.admin.try_once("POST", "compute", f"{own}/action", json={action: {"host": host}})
        await cloud.admin.try_once("DELETE", "compute", own)

    return finish


async def a_backup_of_a_volume(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()

    async def finish() -> None:
        backup = await cloud.backup(volume)
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        assert bool(list(cloud.processes.data_dir("volume").rglob(f"*{backup['id']}_metadata"))) == (
            backup["status"] == "available"
        )

    return finish


async def a_restored_backup(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()
    backup = await cloud.backup(volume)

    async def finish() -> None:
        path, body = f"{backup_path(backup['id'])}/restore", {"restore": {"volume_id": volume}}
        await cloud.client.try_once("POST", "volume", path, json=body)
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available", "error_restoring"})
        await cloud.client.wait_for_status("volume", backup_path(backup["id"]), "backup", {"available"})

    return finish


async def a_volume_from_a_backup(cloud: ProcessCloud) -> Finish:
    backup = await cloud.backup(await cloud.available_volume())

    async def finish() -> None:
        body = {"volume": {"name": unique("volume"), "backup_id": backup["id"]}}
        volume = await cloud.client.create("volume", "/v3/{project_id}/volumes", "volume", body)
        ends = {"available", "error", "error_restoring"}
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", ends)
        await cloud.client.wait_for_status("volume", backup_path(backup["id"]), "backup", {"available"})

    return finish


async def a_deleted_backup(cloud: ProcessCloud) -> Finish:
    backup = await cloud.backup(await cloud.available_volume())

    async def finish() -> None:
        await cloud.client.try_once("DELETE", "volume", backup_path(backup["id"]))
        await cloud.client.wait_for_status("volume", backup_path(backup["id"]), "backup", {DELETED})
        assert list(cloud.processes.data_dir("volume").rglob(f"*{backup['id']}_*")) == []

    return finish


async def a_server_from_an_image(cloud: ProcessCloud) -> Finish:
    image = await cloud.active_image()

    async def finish() -> None:
        server = await cloud.server({"imageRef": image})
        await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE", "ERROR"})

    return finish


async def a_server_from_a_volume(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()

    async def finish() -> None:
        server = await cloud.server(from_volume(volume))
        await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
        await cloud.client.try_once("DELETE", "compute", server_path(server))
        await cloud.client.wait_for_status("compute", server_path(server), "server", {DELETED})
        found = await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        assert found["attachments"] == []
        await cloud.check_volume(volume)

    return finish


async def a_snapshot_of_an_image_backed_server(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server({"imageRef": await cloud.active_image()})
    return snapshot_of(cloud, server)


async def a_snapshot_of_a_volume_backed_server(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server(from_volume(await cloud.available_volume()))
    return snapshot_of(cloud, server)


def snapshot_of(cloud: ProcessCloud, server: str, action: str = "createImage", **fields: Any) -> Finish:
    async def finish() -> None:
        name = unique("snapshot")
        body = {action: {"name": name, **fields}}
        await cloud.client.try_once("POST", "compute", f"{server_path(server)}/action", json=body)
        await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE"})
        await cloud.check_image(name)

    return finish


async def a_rebuild(cloud: ProcessCloud) -> Finish:
    return rebuild_of(
        cloud, await cloud.active_server({"imageRef": await cloud.active_image()}), await cloud.active_image(1)
    )


async def a_rebuild_of_a_volume_backed_server(cloud: ProcessCloud) -> Finish:
    volume = await cloud.available_volume()
    other = await cloud.active_image(1)
    rebuild = rebuild_of(cloud, await cloud.active_server(from_volume(volume)), other)

    async def finish() -> None:
        await rebuild()
        found = await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"in-use"})
        assert found["volume_image_metadata"]["image_id"] == other

    return finish


def rebuild_of(cloud: ProcessCloud, server: str, image: str) -> Finish:
    async def finish() -> None:
        path, body = f"{server_path(server)}/action", {"rebuild": {"imageRef": image}}
        version = {"OpenStack-API-Version": "compute 2.93"}
        await cloud.client.try_once("POST", "compute", path, json=body, headers=version)
        while True:
            await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
            again = await cloud.client.try_once("POST", "compute", path, json=body, headers=version)
            found = await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
            if again is not None and again.status == 202 and found["status"] == "ACTIVE":
                break  # recovery may have ended the one before in error; the test's time limit ends this

    return finish


async def a_resize(cloud: ProcessCloud) -> Finish:
    return resize_of(cloud, await cloud.active_server({"imageRef": await cloud.active_image()}), "confirmResize")


async def a_resize_of_a_volume_backed_server(cloud: ProcessCloud) -> Finish:
    return resize_of(cloud, await cloud.active_server(from_volume(await cloud.available_volume())), "confirmResize")


async def a_resize_taken_back(cloud: ProcessCloud) -> Finish:
    return resize_of(cloud, await cloud.active_server(from_volume(await cloud.available_volume())), "revertResize")


def resize_of(cloud: ProcessCloud, server: str, end: str) -> Finish:
    """Until it has the flavor that it is to have; what a crash cut off is requested again."""
    path, kept = f"{server_path(server)}/action", SMALL_FLAVOR if end == "confirmResize" else TINY_FLAVOR

    async def finish() -> None:
        asked = False
        while True:
            ends = {"ACTIVE", "VERIFY_RESIZE"}
            shown = await cloud.client.wait_for_status("compute", server_path(server), "server", ends)
            resized = shown["status"] == "VERIFY_RESIZE"
            if asked and not resized and shown["flavor"]["id"] == kept:
                return
            body = {end: None} if resized else {"resize": {"flavorRef": SMALL_FLAVOR}}
            await cloud.client.try_once("POST", "compute", path, json=body)
            asked = asked or resized

    return finish


async def a_live_migration(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server(from_volume(await cloud.available_volume()))
    body = {"os-migrateLive": {"block_migration": "auto", "host": None}}
    return moved_by_an_administrator(cloud, server, await host_of(cloud, server), body)


async def an_evacuation(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server(from_volume(await cloud.available_volume()))
    host = await host_of(cloud, server)
    await force_down(cloud, host, down=True)
    move = moved_by_an_administrator(cloud, server, host, {"evacuate": {}})

    async def finish() -> None:
        await move()
        await force_down(cloud, host, down=False)

    return finish


async def host_of(cloud: ProcessCloud, server: str) -> str:
    return str((await cloud.admin.get("compute", server_path(server))).json["server"]["OS-EXT-SRV-ATTR:host"])


async def force_down(cloud: ProcessCloud, host: str, *, down: bool) -> None:
    """Up again once the host knows what was evacuated from it."""
    version = {"OpenStack-API-Version": "compute 2.53"}
    found = await cloud.admin.try_once("GET", "compute", f"/v2.1/os-services?host={host}", headers=version)
    assert found is not None
    path = f"/v2.1/os-services/{found.json['services'][0]['id']}"

    async def forced() -> bool:
        answer = await cloud.admin.try_once("PUT", "compute", path, json={"forced_down": down}, headers=version)
        return answer is not None and answer.status == 200

    await until(forced, 30.0, interval=0.2)


def moved_by_an_administrator(cloud: ProcessCloud, server: str, old: str, body: dict[str, Any]) -> Finish:
    """Until it is on another host; an evacuation that was cut off there leaves it in error, as a rebuild does."""

    async def finish() -> None:
        path, version = f"{server_path(server)}/action", {"OpenStack-API-Version": "compute 2.93"}
        while await host_of(cloud, server) == old:
            await cloud.admin.try_once("POST", "compute", path, json=body, headers=version)
            await cloud.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE", "ERROR"})

    return finish


async def an_attachment(cloud: ProcessCloud) -> Finish:
    server, volume = await cloud.active_server({"imageRef": await cloud.active_image()}), await cloud.available_volume()
    path = f"{server_path(server)}/os-volume_attachments"

    async def finish() -> None:
        found: dict[str, Any] = {}
        while found.get("status") != "in-use":
            await cloud.client.try_once("POST", "compute", path, json={"volumeAttachment": {"volumeId": volume}})
            found = await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available", "in-use"})
        assert [attachment["server_id"] for attachment in found["attachments"]] == [server]
        listed = (await cloud.client.get("compute", path)).json["volumeAttachments"]
        assert [attachment["volumeId"] for attachment in listed] == [volume]
        await cloud.client.try_once("DELETE", "compute", f"{path}/{volume}")
        await cloud.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})

    return finish


async def a_shelf(cloud: ProcessCloud) -> Finish:
    return shelf_of(cloud, await cloud.active_server({"imageRef": await cloud.active_image()}))


async def a_shelf_of_a_volume_backed_server(cloud: ProcessCloud) -> Finish:
    return shelf_of(cloud, await cloud.active_server(from_volume(await cloud.available_volume())))


def shelf_of(cloud: ProcessCloud, server: str) -> Finish:
    """Off its host and back."""

    async def finish() -> None:
        await act_until(cloud, server, "shelve", "SHELVED_OFFLOADED", {"ACTIVE", "SHELVED"})
        await act_until(cloud, server, "unshelve", "ACTIVE", {"SHELVED_OFFLOADED"})

    return finish


async def act_until(cloud: ProcessCloud, server: str, action: str, status: str, before: set[str]) -> None:
    """The action as often as it takes; the test's time limit ends this."""
    found: dict[str, Any] = {}
    while found.get("status") != status:
        await cloud.client.try_once("POST", "compute", f"{server_path(server)}/action", json={action: None})
        found = await cloud.client.wait_for_status("compute", server_path(server), "server", {status, *before})


async def a_backup(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server({"imageRef": await cloud.active_image()})
    return snapshot_of(cloud, server, "createBackup", backup_type="daily", rotation=1)


async def a_rescue(cloud: ProcessCloud) -> Finish:
    server = await cloud.active_server({"imageRef": await cloud.active_image()})

    async def finish() -> None:
        await act_until(cloud, server, "rescue", "RESCUE", {"ACTIVE"})
        await act_until(cloud, server, "unrescue", "ACTIVE", {"RESCUE"})

    return finish


EVERY_CASE: list[tuple[Story, str, str]] = [
    (an_upload, "image", "before_commit:image.activate"),
    (an_upload, "image", "after_commit:image.prepare"),
    (an_upload, "image", "after_commit:image.activate"),
    (an_upload, "image", "after_publish:image.activate"),
    (an_import, "image", "before_commit:run_task"),
    (an_import, "image", "after_commit:run_task"),
    (an_import, "image", "after_publish:run_task"),
    (an_import, "image", "after_commit:task.processing"),
    (an_import, "image", "before_commit:task.success"),
    (an_import, "image", "after_commit:task.success"),
    (an_import_into_every_store, "image", "before_commit:image.upload"),
    (an_import_into_every_store, "image", "after_commit:image.upload"),
    (an_import_into_every_store, "image", "before_commit:image.activate"),
    (an_import_into_every_store, "image", "after_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "before_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "after_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "after_publish:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "before_commit:task.success"),
    (a_copy, "image", "after_commit:task.processing"),
    (a_copy, "image", "before_commit:image.upload"),
    (a_copy, "image", "after_commit:image.upload"),
    (a_copy, "image", "before_commit:task.success"),
    (a_copy_that_may_fail, "image", "before_commit:image.upload"),
    (a_copy_that_may_fail, "image", "after_commit:image.upload"),
    (a_copy_that_may_fail, "image", "before_commit:task.success"),
    (a_volume_from_an_image, "volume", "before_commit:create_volume"),
    (a_volume_from_an_image, "volume", "after_commit:create_volume"),
    (a_volume_from_an_image, "volume", "after_publish:create_volume"),
    (a_volume_from_an_image, "volume", "after_commit:volume.create.start"),
    (a_volume_from_an_image, "volume", "before_commit:volume.create.end"),
    (a_volume_from_an_image, "volume", "after_commit:volume.create.end"),
    (a_volume_from_an_image, "image", "after_publish:image.send"),
    (a_volume_for_the_cache, "volume", "after_commit:image_volume_cache.miss"),
    (a_volume_for_the_cache, "volume", "before_commit:volume.create.end"),
    (a_volume_for_the_cache, "volume", "after_commit:volume.create.end"),
    (an_image_that_leaves_the_cache, "volume", "before_commit:image_volume_cache.evict"),
    (an_image_that_leaves_the_cache, "volume", "after_commit:image_volume_cache.evict"),
    (an_upload_to_image, "volume", "after_commit:copy_volume_to_image"),
    (an_upload_to_image, "volume", "after_publish:copy_volume_to_image"),
    (an_upload_to_image, "image", "before_commit:image.activate"),
    (a_revert, "volume", "after_publish:revert_to_snapshot"),
    (a_revert, "volume", "before_commit:volume.revert.end"),
    (a_migration, "volume", "after_publish:migrate_volume"),
    (a_migration, "volume", "after_commit:create_volume"),
    (a_migration, "volume", "before_commit:delete_volume"),
    (a_migration_of_a_volume_in_use, "compute", "before_commit:swap_volume"),
    (a_migration_of_a_volume_in_use, "volume", "after_commit:volume.attach.end"),
    (a_migration_of_a_volume_in_use, "volume", "after_commit:volume.detach.end"),
    (a_migration_of_a_volume_in_use, "volume", "after_commit:create_volume"),
    (a_migration_of_a_volume_in_use, "compute", "after_commit:swap_volume"),
    (a_migration_of_a_volume_in_use, "compute", "after_publish:swap_volume"),
    (a_migration_of_a_volume_in_use, "compute", "after_commit:instance.volume_swap.start"),
    (a_migration_of_a_volume_in_use, "volume", "before_commit:volume.detach.end"),
    (a_migration_of_a_volume_in_use, "volume", "after_commit:delete_volume"),
    (a_migration_of_a_volume_in_use, "compute", "before_commit:instance.volume_swap.end"),
    (a_retype_of_a_volume_in_use, "volume", "before_commit:volume.retype"),
    (a_retype_of_a_volume_in_use, "compute", "before_commit:instance.volume_swap.end"),
    (a_retype_of_a_volume_in_use, "volume", "after_publish:retype"),
    (a_retype_of_a_volume_in_use, "volume", "before_commit:delete_volume"),
    (a_group, "volume", "after_commit:group.create.start"),
    (a_group, "volume", "after_commit:create_group"),
    (a_group, "volume", "before_commit:group.create.end"),
    (a_group, "volume", "before_commit:group.delete.end"),
    (members_of_a_group, "volume", "after_commit:update_group"),
    (members_of_a_group, "volume", "before_commit:group.update.end"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "before_commit:snapshot.create.end"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "after_commit:create_group_from_src"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "after_commit:group.delete.start"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "after_commit:create_group_snapshot"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "before_commit:group.create.end"),
    (a_snapshot_of_a_group_and_a_group_from_it, "volume", "after_commit:delete_group_snapshot"),
    (what_was_unmanaged_is_managed_again, "volume", "before_commit:volume.manage_existing.end"),
    (what_was_unmanaged_is_managed_again, "volume", "after_commit:volume.unmanage.start"),
    (what_was_unmanaged_is_managed_again, "volume", "before_commit:volume.unmanage.end"),
    (what_was_unmanaged_is_managed_again, "volume", "after_commit:manage_existing"),
    (an_extension_of_a_volume_in_use, "volume", "before_commit:volume.resize.end"),
    (an_extension_of_a_volume_in_use, "volume", "after_commit:extend_volume"),
    (an_accepted_transfer, "volume", "before_commit:volume.transfer.accept.end"),
    (an_accepted_transfer, "volume", "after_commit:volume.transfer.accept.end"),
    (an_accepted_transfer, "volume", "after_commit:volume.transfer.create.end"),
    (a_host_in_an_aggregate, "compute", "after_commit:update_aggregates"),
    (a_host_in_an_aggregate, "compute", "before_commit:update_aggregates"),
    (a_backup_of_a_volume, "volume", "after_publish:get_backup_device"),
    (a_backup_of_a_volume, "volume", "before_commit:backup.create.end"),
    (a_restored_backup, "volume", "after_commit:restore_backup"),
    (a_restored_backup, "volume", "before_commit:backup.restore.end"),
    (a_volume_from_a_backup, "volume", "after_commit:restore_backup"),
    (a_deleted_backup, "volume", "after_commit:backup.delete.start"),
    (a_server_from_an_image, "compute", "after_commit:schedule_and_build_instances"),
    (a_server_from_an_image, "compute", "after_commit:build_and_run_instance"),
    (a_server_from_an_image, "compute", "after_publish:build_and_run_instance"),
    (a_server_from_an_image, "compute", "after_commit:compute.instance.create.start"),
    (a_server_from_an_image, "compute", "before_commit:compute.instance.create.end"),
    (a_server_from_an_image, "compute", "after_commit:compute.instance.create.end"),
    (a_server_from_a_volume, "compute", "after_commit:compute.instance.create.start"),
    (a_server_from_a_volume, "volume", "after_commit:volume.attach.end"),
    (an_attachment, "volume", "after_commit:volume.attach.start"),
    (an_attachment, "compute", "before_commit:attach_volume"),
    (an_attachment, "compute", "after_commit:attach_volume"),
    (an_attachment, "compute", "after_publish:attach_volume"),
    (an_attachment, "compute", "before_commit:instance.volume_attach.end"),
    (an_attachment, "compute", "before_commit:detach_volume"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:snapshot_instance"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:compute.instance.snapshot.start"),
    (a_snapshot_of_an_image_backed_server, "image", "after_commit:image.prepare"),
    (a_snapshot_of_a_volume_backed_server, "volume", "after_commit:create_snapshot"),
    (a_snapshot_of_a_volume_backed_server, "volume", "before_commit:snapshot.create.end"),
    (a_snapshot_of_a_volume_backed_server, "image", "before_commit:image.activate"),
    (a_rebuild, "compute", "after_commit:rebuild_instance"),
    (a_rebuild, "compute", "after_commit:compute.instance.rebuild.start"),
    (a_rebuild, "compute", "before_commit:compute.instance.rebuild.end"),
    (a_rebuild_of_a_volume_backed_server, "compute", "after_commit:compute.instance.rebuild.start"),
    (a_rebuild_of_a_volume_backed_server, "compute", "before_commit:compute.instance.rebuild.end"),
    (a_rebuild_of_a_volume_backed_server, "volume", "after_commit:reimage"),
    (a_rebuild_of_a_volume_backed_server, "volume", "before_commit:volume.attach.start"),
    (a_resize, "compute", "after_commit:migrate_server"),
    (a_resize, "compute", "after_publish:prep_resize"),
    (a_resize, "compute", "after_commit:compute.instance.resize.start"),
    (a_resize, "compute", "before_commit:finish_resize"),
    (a_resize, "compute", "after_commit:finish_resize"),
    (a_resize, "compute", "before_commit:compute.instance.finish_resize.end"),
    (a_resize, "compute", "after_commit:confirm_resize"),
    (a_resize, "compute", "before_commit:compute.instance.resize.confirm.end"),
    (a_resize_of_a_volume_backed_server, "compute", "before_commit:finish_resize"),
    (a_resize_of_a_volume_backed_server, "compute", "after_commit:compute.instance.finish_resize.start"),
    (a_resize_taken_back, "compute", "after_commit:revert_resize"),
    (a_resize_taken_back, "compute", "before_commit:finish_revert_resize"),
    (a_resize_taken_back, "compute", "after_commit:compute.instance.resize.revert.start"),
    (a_resize_taken_back, "compute", "before_commit:compute.instance.resize.revert.end"),
    (a_live_migration, "compute", "after_commit:live_migrate_instance"),
    (a_live_migration, "compute", "before_commit:compute.instance.live_migration._post.start"),
    (a_live_migration, "compute", "before_commit:compute.instance.live_migration.post.dest.end"),
    (a_live_migration, "compute", "after_commit:compute.instance.live_migration.post.dest.end"),
    (an_evacuation, "compute", "after_commit:rebuild_instance"),
    (an_evacuation, "compute", "before_commit:compute.instance.rebuild.end"),
    (a_shelf, "compute", "after_commit:shelve_instance"),
    (a_shelf, "compute", "after_commit:compute.instance.shelve.start"),
    (a_shelf, "compute", "after_commit:compute.instance.shelve.end"),
    (a_shelf, "compute", "after_publish:unshelve_instance"),
    (a_shelf, "compute", "after_commit:compute.instance.unshelve.start"),
    (a_shelf, "compute", "before_commit:compute.instance.unshelve.end"),
    (a_shelf_of_a_volume_backed_server, "compute", "before_commit:compute.instance.shelve_offload.end"),
    (a_shelf_of_a_volume_backed_server, "compute", "before_commit:compute.instance.unshelve.end"),
    (a_backup, "compute", "after_commit:backup_instance"),
    (a_backup, "compute", "after_commit:compute.instance.snapshot.start"),
    (a_backup, "compute", "after_commit:compute.instance.snapshot.end"),
    (a_rescue, "compute", "after_commit:compute.instance.rescue.start"),
    (a_rescue, "compute", "before_commit:compute.instance.rescue.end"),
    (a_rescue, "compute", "before_commit:compute.instance.unrescue.end"),
]
"""Together by story: after the last of its moments each story is told once more, without a death."""
LAST_FAILPOINT = {story: failpoint for story, _, failpoint in EVERY_CASE}
SAMPLE = [case for case in EVERY_CASE if case[2] == LAST_FAILPOINT[case[0]] or case[2].startswith("after_publish")]
"""What ``make test`` takes: the last moment of each story, and those whose message was sent and will be sent again."""
CASES = EVERY_CASE if os.environ.get("KILL_MOMENTS") == "all" else SAMPLE


@pytest.fixture(scope="module")
async def process_cloud(
    postgres_server: TestServer, postgres_template: str, rabbitmq: TestRabbit, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ProcessCloud]:
    folder: Path = tmp_path_factory.mktemp("kill")
    database = TestDatabase(postgres_server, f"{postgres_template}_kill")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    tables = await asyncpg.connect(database.admin_url)
    with own_vhost(rabbitmq) as url:
        backends = folder / "backends.toml"
        backends.write_text(BACKENDS)
        settings = {**QUICK, **SEVERAL_STORES, **CACHE, "BACKENDS": str(backends)}
        processes = Processes(database, url, folder, settings)
        try:
            await processes.start_all()
            async with aiohttp.ClientSession() as session:
                users = [RetryingClient(await log_in(session, processes.urls, name)) for name in ("demo", "admin")]
                yield ProcessCloud(processes, *users, tables)
        finally:
            try:
                await processes.close()
            finally:
                await tables.close()
    await drop_database(postgres_server.admin, database.name)


@pytest.fixture
async def cloud(process_cloud: ProcessCloud) -> AsyncIterator[ProcessCloud]:
    """Deletes what the test left, whatever is wrong with it; before and after that every invariant holds."""
    yield process_cloud
    try:
        await invariants.hold(process_cloud.tables, SETTLE_TIMEOUT_SECONDS)
    finally:  # what one test left must not take the quota of those after it
        await process_cloud.delete_everything()
    await invariants.hold(process_cloud.tables, SETTLE_TIMEOUT_SECONDS)


@pytest.mark.parametrize(
    ("story", "service", "failpoint"), CASES, ids=[f"{story.__name__}-{failpoint}" for story, _, failpoint in CASES]
)
async def test_a_service_that_dies_leaves_nothing_half_done(
    cloud: ProcessCloud, story: Story, service: str, failpoint: str
) -> None:
    finish = await story(cloud)
    cloud.processes.set_failpoint(service, failpoint)
    ending = asyncio.create_task(finish())
    try:
        async with asyncio.timeout(FAILPOINT_TIMEOUT_SECONDS):
            exit_code = await cloud.processes.wait(service)
    except TimeoutError:
        pytest.fail(f"{failpoint} was not reached; {service} logged {cloud.processes.log(service)[-2000:]}")
    finally:
        cloud.processes.set_failpoint(service, "")
        await cloud.processes.kill(service)
        await cloud.processes.start(service)
        await ending
    assert exit_code == CRASHED
    if failpoint == LAST_FAILPOINT[story]:  # after the others the next story of the table shows it
        finish_again = await story(cloud)
        await finish_again()


@pytest.mark.parametrize("service", ["identity", "image", "volume", "compute"])
async def test_a_service_killed_at_any_other_time_recovers(cloud: ProcessCloud, service: str) -> None:
    finish = await a_server_from_a_volume(cloud)
    ending = asyncio.create_task(finish())
    await cloud.processes.kill(service)
    await cloud.processes.start(service)
    await ending


AGAIN = "copy_volume_to_image is tried again"


async def test_an_upload_waits_for_an_image_service_that_stays_away(cloud: ProcessCloud) -> None:
    """Nobody but the volume's worker knows of the image: it is not forgotten while nobody answers."""
    finish = await an_upload_to_image(cloud)
    cloud.processes.set_failpoint("image", "before_commit:image.activate")
    ending = asyncio.create_task(finish())
    try:
        async with asyncio.timeout(FAILPOINT_TIMEOUT_SECONDS):
            assert await cloud.processes.wait("image") == CRASHED
        cloud.processes.set_failpoint("image", "")
        known = cloud.processes.log("volume").count(AGAIN)

        async def tried_again() -> bool:
            return cloud.processes.log("volume").count(AGAIN) > known

        await until(tried_again, MOVE_TIMEOUT_SECONDS, interval=0.1)
    finally:
        cloud.processes.set_failpoint("image", "")
        await cloud.processes.kill("image")
        await cloud.processes.start("image")
        await ending
