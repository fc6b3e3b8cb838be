"""What the bus costs: RPC round trips and notifications a second, beside a bare aio-pika that moves the same bytes.

Caller and server share this process (and RabbitMQ the machine), passes alternate, and the best of each counts: read
the ratios, not the numbers.  ``bare`` is aio-pika's own API with confirms: for RPC an echo over two queues, for
notifications a publish; no dispatch, no contracts, no JSON.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.broker import a_bus
from stackwire.contracts.base import Call, Contract, Event, Target
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.messaging.rpc import RpcClient, RpcServer
from support.rabbitmq import NoRabbit

SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
PASSES = 3
CALLERS = (1, 16, 64)
TOPIC = f"bench{uuid4().hex[:8]}"
CTX = RequestContext(user_id="u" * 32, project_id="p" * 32, roles=("member", "reader"), auth_token="t" * 180)
Once = Callable[[], Awaitable[Any]]


class Echo(Contract):
    id: str
    properties: dict[str, str]


class GetEcho(Call[Echo], target=Target(f"x{TOPIC}", TOPIC), method="get_echo"):
    id: str
    properties: dict[str, str]


MESSAGE = GetEcho(id=str(uuid4()), properties={"hw_disk_bus": "virtio", "os_distro": "debian"})
EVENT = Event(
    exchange=f"x{TOPIC}",
    event_type="volume.create.end",
    publisher_id="volume.host-a",
    payload={"volume_id": str(uuid4()), "size": 1, "status": "available", "metadata": [], "note": "n" * 200},
    topic=f"n{TOPIC}",
    durable=False,
)


async def echo(ctx: RequestContext, message: GetEcho) -> Echo:
    return Echo(id=message.id, properties=message.properties)


@contextlib.asynccontextmanager
async def ours(url: str) -> AsyncIterator[tuple[Once, Once]]:
    """A call and a notification through everything we have."""
    broker = MemoryBroker()
    serving, asking = await connect(url, name="bench", broker=broker), await connect(url, name="bench", broker=broker)
    server = RpcServer(serving, GetEcho.target, "host-a", [GetEcho.served_by(echo)])
    await server.start()
    rpc, notifier = RpcClient(asking), Notifier(asking)
    context = CTX.redacted()
    yield (
        lambda: rpc.call(CTX, MESSAGE),
        lambda: notifier.send(EVENT, context, str(uuid4()), "2026-01-02 03:04:05.678901"),
    )
    await rpc.close()
    await server.stop()
    for transport in (asking, serving):
        await transport.close()


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncIterator[tuple[Once, Once]]:
    """The same number of messages of the same size, and nothing else."""
    body, waiting = b"x" * 900, dict[str, asyncio.Future[bytes]]()
    serving, asking = await aio_pika.connect(url), await aio_pika.connect(url)
    channel, replies, sender = await serving.channel(), await serving.channel(), await asking.channel()
    receiver = await asking.channel()
    requests = await channel.declare_queue(f"bare{TOPIC}", auto_delete=True)
    answered = await receiver.declare_queue(f"bare_reply{TOPIC}", exclusive=True)
    exchange = await sender.declare_exchange(f"bare_x{TOPIC}", "topic", auto_delete=True)

    async def serve(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        reply = aio_pika.Message(message.body[:500], correlation_id=message.correlation_id)
        await replies.default_exchange.publish(reply, answered.name)

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        waiting.pop(message.correlation_id or "").set_result(message.body)

    await requests.consume(serve)
    await answered.consume(take, no_ack=True)

    async def call() -> None:
        key = uuid4().hex
        future = waiting[key] = asyncio.get_running_loop().create_future()
        await sender.default_exchange.publish(aio_pika.Message(body, correlation_id=key), requests.name)
        await future

    async def notify() -> None:
        await exchange.publish(aio_pika.Message(body), "key", mandatory=False)

    yield call, notify
    await asking.close()
    await serving.close()


async def rate(once: Once, callers: int) -> float:
    """Completed runs a second."""
    done, until = 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await once()
            done += 1
            if not done % 64:
                await asyncio.sleep(0)  # the in-process bus never waits by itself

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - begun)


async def measure(url: str | None) -> None:
    async with contextlib.AsyncExitStack() as stack:
        buses = {"memory": await stack.enter_async_context(ours("memory"))}
        if url is not None:
            buses["bare"] = await stack.enter_async_context(bare(url))
            buses["rabbitmq"] = await stack.enter_async_context(ours(url))
        print(f"{'':24}" + "".join(f"{name:>12}" for name in buses) + f"{'rabbitmq/bare':>16}{'memory/bare':>14}")
        for index, what in enumerate(("RPC round trips/s", "notifications/s")):
            for callers in CALLERS:
                best = dict.fromkeys(buses, 0.0)
                for _ in range(PASSES):
                    for name, pair in buses.items():
                        best[name] = max(best[name], await rate(pair[index], callers))
                line = f"{what:18}{callers:4}  " + "".join(f"{value:12,.0f}" for value in best.values())
                if "bare" in best:
                    line += f"{best['rabbitmq'] / best['bare']:16.2f}{best['memory'] / best['bare']:14.2f}"
                print(line, flush=True)


def main() -> None:
    with contextlib.ExitStack() as stack:
        url = None
        try:
            url = stack.enter_context(a_bus(os.environ.get("TEST_AMQP_URL")))
        except (NoRabbit, OSError) as missing:
            print(f"no RabbitMQ ({missing}): the in-process bus alone")
        try:
            import uvloop
        except ImportError:
            asyncio.run(measure(url))
        else:
            uvloop.run(measure(url))


if __name__ == "__main__":
    main()
