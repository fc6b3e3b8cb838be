"""A service split into its API and its workers, each a process of its own, does what the whole one does."""

from pathlib import Path

import aiohttp
import pytest

from support.cloud import log_in
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
                for _ in range(2000):
                    found = (await demo.get("volume", f"{path}/{volume}")).ok(200).json["volume"]
                    if found["status"] != "creating":
                        break
                assert found["status"] == "available"
        finally:
            await processes.close()


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
