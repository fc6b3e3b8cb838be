"""How long until every service is ready again: after its own death, after RabbitMQ's, after PostgreSQL's.

    make bench-recovery [RUNS=20]

The services are processes, on a RabbitMQ and a PostgreSQL of their own. The time after a server's death counts from
when its port opens: how long it reads its disk is its own. The longest of all runs is what counts; a machine with
other work to do says little.
"""

import argparse
import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from statistics import median
from urllib.parse import urlsplit

import aiohttp

from stackwire.cloud.postgres_home import answers
from support.matrix.stack import Stack, running_stack
from support.polling import until

SERVICES = ("identity", "image", "volume", "compute")
GOALS = {"service": 3.0, "broker": 10.0, "database": 5.0}
"""Seconds."""
LOOK_SECONDS = 0.01


class Watch:
    """Who is ready."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._stack = stack
        self._session = session

    async def is_ready(self, service: str) -> bool:
        try:
            async with self._session.get(f"{self._stack.processes.urls[service]}/healthcheck") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def all_ready(self) -> bool:
        return all(await asyncio.gather(*map(self.is_ready, SERVICES)))

    async def ready_after(self, crash: Callable[[], Awaitable[None]], opens: Callable[[], bool]) -> float:
        """Seconds from when a server that died answers at its port."""
        crashing = asyncio.create_task(crash())
        await until(lambda: not opens(), 60, interval=LOOK_SECONDS)
        await until(opens, 60, interval=LOOK_SECONDS)
        begun = time.perf_counter()
        await crashing
        await until(self.all_ready, 60, interval=LOOK_SECONDS)
        return time.perf_counter() - begun


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def killed(stack: Stack, watch: Watch, service: str) -> float:
    await stack.processes.kill(service)
    begun = time.perf_counter()
    await stack.processes.start(service)
    await until(lambda: watch.is_ready(service), 60, interval=LOOK_SECONDS)
    return time.perf_counter() - begun


async def measured(runs: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in GOALS}
    connector = aiohttp.TCPConnector(force_close=True)
    async with running_stack() as stack, aiohttp.ClientSession(connector=connector) as session:
        watch = Watch(stack, session)
        port = urlsplit(stack.rabbit.url).port
        assert port is not None
        await until(watch.all_ready, 60)
        await stack.keep_queues()
        for run in range(runs):
            found["service"].append(await killed(stack, watch, SERVICES[run % len(SERVICES)]))
            found["broker"].append(await watch.ready_after(stack.crash_rabbit, lambda: is_open(port)))
            found["database"].append(
                await watch.ready_after(stack.crash_postgres, lambda: answers(stack.postgres.home))
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    found = asyncio.run(measured(parser.parse_args().runs))
    print(f"ready again, seconds, of {len(found['service'])} runs")
    for name, seconds in found.items():
        print(f"{name:9} median {median(seconds):5.2f}   longest {max(seconds):5.2f}   (goal: {GOALS[name]:g})")


if __name__ == "__main__":
    main()
