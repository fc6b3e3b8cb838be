"""Two processes of each service behind one address, each restarted in its turn while clients are at work.

No request fails, and everything that was begun is finished.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stackwire.cloud.options import ORDER, free_ports
from support.builders.servers import TINY_FLAVOR
from support.cloud import JsonClient, log_in
from support.polling import pass_time, until
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.wires import Gateway, carrying

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS = int(os.environ.get("ROLLING_ROUNDS", "0"))
"""Of both processes of every service; 0: of one of each, once."""
COPIES = (1, 2)
CLIENTS = 2
CHECK_SECONDS = 0.1
"""How often the gateway asks who is ready, as a load balancer does."""
THINKING_SECONDS = 0.05
"""Of a client between two requests: the machine is for the processes that start, too."""
SETTINGS = {"DRAIN_DELAY": "0.5", "POOL_SIZE": "4"}
OCTETS = {"Content-Type": "application/octet-stream"}
COMPUTE = {"OpenStack-API-Version": "compute 2.93"}
VOLUMES, SERVERS = "/v3/{project_id}/volumes", "/v2.1/servers"


class Copies:
    """Every service twice, and what looks at which of them is ready."""

    def __init__(self, processes: Processes, session: aiohttp.ClientSession) -> None:
        self.processes = processes
        self._session = session
        self._ready: set[int] = set()

    def ready(self, port: int) -> bool:
        return port in self._ready

    async def look(self) -> None:
        """For ever."""
        ports = {name: port for name, port in self.processes.ports.items() if name[-1].isdigit()}
        while True:
            await asyncio.gather(*(self._look_at(port) for port in ports.values()))
            await pass_time(CHECK_SECONDS)

    async def _look_at(self, port: int) -> None:
        try:
            async with self._session.get(f"http://127.0.0.1:{port}/healthcheck") as answer:
                ready = answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            ready = False
        (self._ready.add if ready else self._ready.discard)(port)

    async def restart(self, service: str, number: int) -> None:
        copy = f"{service}-{number}"
        assert await self.processes.stop(copy) == 0, self.processes.log(copy)[-2000:]
        await self.processes.start(service, copy=copy)
        await until(lambda: self.ready(self.processes.ports[copy]), 60)


@pytest.fixture
async def copies(postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path) -> AsyncIterator[Copies]:
    """Of each service two, behind its port."""
    async with AsyncExitStack() as undo:
        url = undo.enter_context(own_vhost(rabbitmq))
        processes = Processes(postgres, url, tmp_path, SETTINGS)
        processes.ports |= free_ports([f"{service}-{number}" for service in ORDER for number in COPIES])
        connector = aiohttp.TCPConnector(force_close=True)
        session = await undo.enter_async_context(aiohttp.ClientSession(connector=connector))
        copies = Copies(processes, session)
        looking = asyncio.create_task(copies.look())
        undo.callback(looking.cancel)
        for service in ORDER:
            ports = [processes.ports[f"{service}-{number}"] for number in COPIES]
            await undo.enter_async_context(carrying(Gateway(ports, copies.ready), processes.ports[service]))
        undo.push_async_callback(processes.close)
        for number in COPIES:
            await asyncio.gather(*(processes.start(service, copy=f"{service}-{number}") for service in ORDER))
        await until(lambda: len(copies._ready) == len(ORDER) * len(COPIES), 60)
        yield copies


class Worker:
    """One client that does what clients do, one thing after another, and counts. Any answer but the right one fails."""

    def __init__(self, client: JsonClient, stop: asyncio.Event) -> None:
        self._client = client
        self._stop = stop
        self.answered: Counter[str] = Counter()

    async def run(self) -> None:
        while not self._stop.is_set():
            await self.day()

    async def ask(self, status: int, method: str, service: str, path: str, **more: Any) -> Any:
        answer = await self._client.request(method, service, path, **more)
        assert answer.status == status, f"{method} {service} {path}: {answer.status} {answer.body[:500]!r}"
        self.answered[service] += 1
        await pass_time(THINKING_SECONDS)
        return answer.json

    async def at_rest(self, service: str, path: str, noun: str, status: str) -> None:
        """Asks until it has this status; an error in between fails."""
        async with asyncio.timeout(120):
            while True:
                found = (await self.ask(200, "GET", service, path))[noun]
                if found["status"] == status:
                    return
                assert found["status"] not in ("error", "ERROR"), found
                await pass_time(0.05)

    async def gone(self, service: str, path: str) -> None:
        async with asyncio.timeout(120):
            while (await self._client.get(service, path)).status != 404:
                await pass_time(0.05)

    async def day(self) -> None:
        """From an image to a volume, a server on it, and back to nothing."""
        await log_in(self._client._session, self._client.urls)
        self.answered["identity"] += 1
        wish: dict[str, Any] = {"name": "rolling", "disk_format": "raw", "container_format": "bare", "team": "red"}
        image = f"/v2/images/{(await self.ask(201, 'POST', 'image', '/v2/images', json=wish))['id']}"
        await self.ask(204, "PUT", "image", f"{image}/file", data=bytes(100_000), headers=OCTETS)
        assert (await self.ask(200, "GET", "image", image))["status"] == "active"
        await self.ask(200, "GET", "image", "/v2/images?limit=20")

        wish = {"volume": {"size": 1, "name": "rolling", "imageRef": image.rpartition("/")[2]}}
        volume = (await self.ask(202, "POST", "volume", VOLUMES, json=wish))["volume"]["id"]
        await self.at_rest("volume", f"{VOLUMES}/{volume}", "volume", "available")
        await self.ask(200, "GET", "volume", f"{VOLUMES}/detail")

        device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
        wish = {"name": "rolling", "flavorRef": TINY_FLAVOR, "networks": "none", "block_device_mapping_v2": [device]}
        wish = {"server": wish}
        server = (await self.ask(202, "POST", "compute", SERVERS, json=wish, headers=COMPUTE))["server"]["id"]
        await self.at_rest("compute", f"{SERVERS}/{server}", "server", "ACTIVE")
        await self.ask(200, "GET", "compute", f"{SERVERS}/detail")

        await self.ask(204, "DELETE", "compute", f"{SERVERS}/{server}")
        await self.gone("compute", f"{SERVERS}/{server}")
        await self.at_rest("volume", f"{VOLUMES}/{volume}", "volume", "available")
        await self.ask(202, "DELETE", "volume", f"{VOLUMES}/{volume}")
        await self.gone("volume", f"{VOLUMES}/{volume}")
        await self.ask(204, "DELETE", "image", image)
        self.answered["days"] += 1


async def test_no_request_fails_while_every_process_is_restarted_in_its_turn(copies: Copies) -> None:
    stop = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        clients = [await log_in(session, copies.processes.urls) for _ in range(CLIENTS)]
        workers = [Worker(client, stop) for client in clients]
        async with asyncio.TaskGroup() as at_work:
            for worker in workers:
                at_work.create_task(worker.run())
            await until(lambda: sum(worker.answered["days"] for worker in workers) >= CLIENTS, 120, interval=0.1)
            turns = [(service, number) for _ in range(ROUNDS or 1) for number in COPIES for service in ORDER]
            if not ROUNDS:
                turns = turns[: len(ORDER)]
            for service, number in turns:
                await copies.restart(service, number)
            stop.set()
    answered = sum((worker.answered for worker in workers), Counter[str]())
    print(f"{len(turns)} restarts, {dict(answered)} answered, none failed")
    assert answered["days"] > CLIENTS
    await copies.processes.at_rest()
