"""A process that has no file left: it lives, refuses what it cannot do, and works again as soon as there are some; and
whose its files are."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from support.cloud import JsonClient, log_in
from support.polling import until
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(180)]
OCTETS = {"Content-Type": "application/octet-stream"}
CROWD = 120
SPARE = 3


@pytest.fixture
async def processes(postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path) -> AsyncIterator[Processes]:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path)
        try:
            await asyncio.gather(processes.start("identity"), processes.start("image"))
            yield processes
        finally:
            await processes.close()


def files(pid: int) -> set[int]:
    """The numbers of those it has open."""
    return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}


def limit_files(pid: int, more: int) -> int:
    """So many files more than the highest number it has now, and never another; how many it can have."""
    most = max(files(pid)) + 1 + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    return most


async def works(client: JsonClient) -> bool:
    """An image can be made, written and read."""
    wish = {"name": "i", "disk_format": "raw", "container_format": "bare"}
    try:
        made = await client.post("image", "/v2/images", json=wish)
        if made.status != 201:
            return False
        path = f"/v2/images/{made.json['id']}/file"
        written = await client.put("image", path, data=b"data", headers=OCTETS)
        return written.status == 204 and (await client.get("image", path)).body == b"data"
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


async def test_a_process_without_a_file_left_lives_and_works_again_when_it_has_some(processes: Processes) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        client = await log_in(session, processes.urls)
        assert await works(client)
        process = processes.running["image"]
        most = limit_files(process.pid, SPARE)
        place = urlsplit(processes.urls["image"])
        crowd = [await asyncio.open_connection(place.hostname, place.port) for _ in range(CROWD)]
        try:
            await until(lambda: len(files(process.pid)) >= most)  # what it had closed is taken first
            answered = await client.put(
                "image", f"/v2/images/{await a_queued_image(client)}/file", data=b"x", headers=OCTETS
            )
            assert answered.status == 503, "the store has no file for it, and says so"
            assert process.returncode is None
        finally:
            for _, writer in crowd:
                writer.close()
        await until(lambda: works(client), 30, interval=0.2)
        assert process.returncode is None


async def test_a_process_is_not_ready_before_it_can_accept_no_connection(processes: Processes) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:

        async def health() -> tuple[int, str]:
            """On a new connection."""
            async with session.get(f"{processes.urls['image']}/healthcheck") as answer:
                return answer.status, await answer.text()

        assert await health() == (200, "OK")
        limit_files(processes.running["image"].pid, CROWD)
        place = urlsplit(processes.urls["image"])
        crowd = [await asyncio.open_connection(place.hostname, place.port) for _ in range(CROWD - SPARE)]
        try:
            status, text = await health()
            assert status == 503
            assert text.startswith("UNAVAILABLE\nfiles: ")
        finally:
            for _, writer in crowd:
                writer.close()

        async def is_well() -> bool:
            return (await health())[0] == 200

        await until(is_well, 30, interval=0.2)


async def test_what_a_process_stores_is_its_own_users_alone(processes: Processes) -> None:
    async with aiohttp.ClientSession() as session:
        assert await works(await log_in(session, processes.urls))
    stored = [*processes.data_dir("image").rglob("*")]
    assert any(path.is_file() and path.read_bytes() == b"data" for path in stored)
    assert [str(path) for path in stored if path.stat().st_mode & 0o077] == []


async def a_queued_image(client: JsonClient) -> str:
    """On the connection that is open already."""
    wish = {"name": "i", "disk_format": "raw", "container_format": "bare"}
    return str((await client.post("image", "/v2/images", json=wish)).ok(201).json["id"])
