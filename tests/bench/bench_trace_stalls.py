"""How long the tracer keeps the event loop that it shares with every API: the longest stall while it is queried.

Messages of a real cloud, multiplied under new ids to ``BENCH_MESSAGES``, are on the tracer's bus; a heart beats in its
loop every millisecond while a client in another process asks what the page asks. The longest beat is the longest time
that no API would have answered. On a busy machine beats are late whatever the tracer does: the processor time that the
loop used between two of them says how late they would be alone.
"""

import asyncio
import gc
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_trace import Bench
from stackwire.cloud import demo_cloud
from stackwire.cloud.client import logged_in
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.runtime.main import run
from stackwire.trace.app import TraceService, build
from stackwire.trace.domain.message import WireMessage
from stackwire.trace.settings import TraceSettings

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "11700"))
SERVERS = 12
QUERIES = (
    "stories?limit=300&order=newest",
    "stories?limit=300&order=newest&reads=false&logins=false&housekeeping=false",
    "stories?limit=300&text=no-such-text",
    "messages?limit=500&payload=false",
    "resources",
)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=\")[0-9a-f]{32}(?=\")")


class Heart:
    """``longest``: seconds between two beats, which are meant to be a millisecond apart; ``busiest``: of processor."""

    def __init__(self) -> None:
        self.longest = self.busiest = 0.0

    async def beat(self) -> None:
        last, used = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now, use = time.perf_counter(), time.thread_time()
            self.longest, last = max(self.longest, now - last), now
            self.busiest, used = max(self.busiest, use - used), use

    def __str__(self) -> str:
        return f"stall {self.longest * 1000:6.1f} ms   of processor {self.busiest * 1000:6.1f} ms"


@asynccontextmanager
async def beating() -> AsyncIterator[Heart]:
    heart = Heart()
    task = asyncio.create_task(heart.beat())
    yield heart
    task.cancel()


async def recorded() -> list[bytes]:
    """Messages of some servers' lives, one a line."""
    async with demo_cloud.workplace() as folder, demo_cloud.postgres(folder) as server:
        async with demo_cloud.running(server, folder, "recorded", "current") as (cloud, store):
            async with logged_in(cloud.urls) as client:
                bench = await Bench.made(client)
                for _ in range(SERVERS):
                    await bench.boot()
                await cloud.settle(60)
            return [orjson.dumps(message.as_json()) for message in store.messages()]


def multiplied(lines: Sequence[bytes], count: int) -> Iterator[bytes]:
    """The messages again and again under other ids, each time a minute later."""
    for number in range(count):
        turn, at = divmod(number, len(lines))
        record = orjson.loads(_ID.sub(lambda found: _other(found[0], turn), lines[at].decode()))  # noqa: B023  # at once
        yield orjson.dumps({**record, "time": record["time"] + turn * 60})


def wire_message(line: bytes) -> WireMessage:
    record = orjson.loads(line)
    return WireMessage(
        record["step"], record["exchange"], record["routing_key"], tuple(record["queues"]), record["payload"],
        record["time"], size=len(line), headers=record,
    )  # fmt: skip


def _other(ident: str, turn: int) -> str:
    other = uuid5(NAMESPACE_OID, f"{ident}/{turn}")
    return str(other) if "-" in ident else other.hex


async def ask(tracer: TraceService, query: str) -> float:
    """Seconds until a client in another process has the answer; the longest stall is the loop's, not the client's."""
    begun = time.perf_counter()
    code = f"import urllib.request as r; r.urlopen('{tracer.url}/{query}').read()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", code, stderr=subprocess.DEVNULL)
    if await process.wait():
        raise RuntimeError(f"{query} failed")
    return time.perf_counter() - begun


async def measure() -> None:
    lines = await recorded()
    gc.collect()
    gc.freeze()  # not what the bench itself keeps
    wires = multiplied(lines, MESSAGES + len(QUERIES))
    transport = await connect("memory", name="trace", broker=MemoryBroker())
    tracer = await build(TraceSettings(port=0, keep_messages=MESSAGES + 100, keep_bytes=2**32), transport=transport)
    await tracer.start()
    add = tracer.store.add
    async with beating() as heart:
        for line in islice(wires, MESSAGES):
            add(lambda line=line: wire_message(line), len(line))  # type: ignore[misc]  # a bound default
            await asyncio.sleep(0)
    print(f"{MESSAGES} messages   received: longest {heart}", flush=True)
    for query, line in zip(QUERIES, wires, strict=True):
        add(lambda line=line: wire_message(line), len(line))  # type: ignore[misc]  # nothing kept from before is enough
        async with beating() as heart:
            seconds = await ask(tracer, query)
        print(f"  {query:75} {heart}   answer {seconds * 1000:6.0f} ms", flush=True)
    await tracer.stop()


if __name__ == "__main__":
    run(measure)
