"""Backups in S3 whose process is killed while the server has not answered yet."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.builders.volumes import BACKUPS, get_backup, get_volume, request_backup
from support.cloud import JsonClient, log_in
from support.polling import until
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.s3 import ABucket, Gate

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

BACKUP = "volume-backup"
VOLUMES = "/v3/{project_id}/volumes"


@pytest.fixture
async def processes(
    postgres: TestDatabase, rabbitmq: TestRabbit, bucket: ABucket, gate: Gate, tmp_path: Path
) -> AsyncIterator[Processes]:
    settings = {
        "SWEEP_SECONDS": "0.5",
        "LEASE_SECONDS": "2.0",
        "BACKUP_DRIVER": "cinder.backup.drivers.s3.S3BackupDriver",
        "BACKUP_S3_ENDPOINT_URL": gate.url,
        "BACKUP_S3_STORE_ACCESS_KEY": bucket.endpoint.access,
        "BACKUP_S3_STORE_SECRET_KEY": bucket.endpoint.secret,
        "BACKUP_S3_STORE_BUCKET": bucket.name,
    }
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path, settings)
        try:
            await asyncio.gather(processes.start("identity"), processes.start("volume", "worker"))
            await processes.start("volume", "backup")
            await processes.start("volume", "api")
            yield processes
        finally:
            await processes.close()


async def died(processes: Processes, gate: Gate, call: str) -> None:
    """The backup process is killed amid this call, which nobody hears; another one takes its place."""
    await gate.until_waiting()
    await processes.kill(BACKUP)
    gate.refused[call] = (400, "RequestTimeout")
    await gate.let_go()
    await until(lambda: not gate.waiting)
    gate.refused.clear()
    await processes.start("volume", "backup")


async def shows(asking: Any, status: str) -> bool:
    return bool((await asking)["status"] == status)


async def ended_as(client: JsonClient, backup: str, *statuses: str) -> bool:
    return (await get_backup(client, backup))["status"] in statuses


async def gone(client: JsonClient, backup: str) -> bool:
    return (await client.get("volume", f"{BACKUPS}/{backup}")).status == 404


async def test_a_killed_backup_process_leaves_nothing_undone(processes: Processes, bucket: ABucket, gate: Gate) -> None:
    """Amid an object, amid a restore, and amid a deletion, which goes on by itself."""
    async with aiohttp.ClientSession() as session:
        client: JsonClient = await log_in(session, processes.urls)
        volume = (await client.post("volume", VOLUMES, json={"volume": {"size": 1}})).ok(202).json["volume"]["id"]
        await until(lambda: shows(get_volume(client, volume), "available"))

        gate.held = {"PutObject"}
        lost = (await request_backup(client, volume)).ok(202).json["backup"]["id"]
        await died(processes, gate, "PutObject")
        await until(lambda: ended_as(client, lost, "error", "available"), 30)
        await until(lambda: shows(get_volume(client, volume), "available"), 30)
        ended = await get_backup(client, lost)
        # whoever is first: recovery, or the message, which is delivered again and makes the backup after all
        assert (ended["status"], ended["fail_reason"]) in (
            ("error", "The service was interrupted."),
            ("available", None),
        )
        assert await asyncio.to_thread(lambda: bucket.is_empty) == (ended["status"] == "error")
        (await client.delete("volume", f"{BACKUPS}/{lost}")).ok(202)
        await until(lambda: gone(client, lost), 30)

        kept = (await request_backup(client, volume)).ok(202).json["backup"]["id"]
        await until(lambda: shows(get_backup(client, kept), "available"), 30)
        gate.held = {"GetObject"}
        wish = {"restore": {"volume_id": volume}}
        (await client.post("volume", f"{BACKUPS}/{kept}/restore", json=wish)).ok(202)
        await died(processes, gate, "GetObject")
        await until(lambda: shows(get_backup(client, kept), "available"), 30)
        # here too
        assert (await get_volume(client, volume))["status"] in ("error_restoring", "available")

        gate.held = {"DeleteObject"}
        (await client.delete("volume", f"{BACKUPS}/{kept}")).ok(202)
        await died(processes, gate, "DeleteObject")
        await until(lambda: gone(client, kept), 30)
        assert await asyncio.to_thread(lambda: bucket.is_empty)
