"""A service split into its API and its workers, each a process of its own, does what the whole one does."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.cloud import JsonClient, log_in
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(120)]


async def test_volumes_are_made_by_workers_of_their_own(
    postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path
) -> None:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path)
        try:
            await processes.start("identity")
            await processes.start("volume", role="api")
            async with aiohttp.ClientSession() as session:
                demo = await log_in(session, processes.urls)
                wish = {"volume": {"size": 1, "name": "early"}}
                path = "/v3/{project_id}/volumes"
                volume = (await demo.post("volume", path, json=wish)).ok(202).json["volume"]["id"]
                found = (await demo.get("volume", f"{path}/{volume}")).ok(200).json["volume"]
                assert found["status"] == "creating"
                await processes.start("volume", role="worker")
                found = await changed(demo, f"{path}/{volume}", "volume", "creating")
                assert found["status"] == "available"
                wish = {"backup": {"volume_id": volume}}
                backups = "/v3/{project_id}/backups"
                backup = (await demo.post("volume", backups, json=wish)).ok(202).json["backup"]["id"]
                found = (await demo.get("volume", f"{path}/{volume}")).ok(200).json["volume"]
                assert found["status"] == "backing-up"
                await processes.start("volume", role="backup")
                found = await changed(demo, f"{backups}/{backup}", "backup", "creating")
                assert found["status"] == "available"
                restore = await demo.post("volume", f"{backups}/{backup}/restore", json={"restore": {}})
                restored = restore.ok(202).json["restore"]["volume_id"]
                found = await changed(demo, f"{path}/{restored}", "volume", "creating", "restoring-backup")
                assert found["status"] == "available"
        finally:
            await processes.close()


async def changed(client: JsonClient, path: str, noun: str, *under_way: str) -> Any:
    """The resource when it is in none of these statuses any more."""
    for _ in range(2000):
        found = (await client.get("volume", path)).ok(200).json[noun]
        if found["status"] not in under_way:
            break
    return found


async def test_what_one_process_staged_another_one_imports(
    postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path
) -> None:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path)
        try:
            await processes.start("identity")
            await processes.start("image", role="api")
            async with aiohttp.ClientSession() as session:
                demo = await log_in(session, processes.urls)
                wish = {"name": "early", "disk_format": "raw", "container_format": "bare"}
                path = f"/v2/images/{(await demo.post('image', '/v2/images', json=wish)).ok(201).json['id']}"
                octets = {"Content-Type": "application/octet-stream"}
                (await demo.put("image", f"{path}/stage", data=b"data", headers=octets)).ok(204)
                (await demo.post("image", f"{path}/import", json={"method": {"name": "glance-direct"}})).ok(202)
                (task,) = (await demo.get("image", f"{path}/tasks")).ok(200).json["tasks"]
                assert task["status"] == "pending"
                await processes.start("image", role="worker")
                for _ in range(2000):
                    found = (await demo.get("image", path)).ok(200).json
                    if found["status"] not in ("uploading", "importing"):
                        break
                assert found["status"] == "active"
                assert (await demo.get("image", f"{path}/file")).ok(200).body == b"data"
        finally:
            await processes.close()
