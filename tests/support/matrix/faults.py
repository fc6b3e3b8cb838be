"""The thirteen faults of the matrix, each a way to send a flow's one request while something breaks.

Each returns the status that the client got, None where its connection broke: the request took effect or it did not.
A fault is over when its function returns.
"""

import asyncio
import pickle
import random
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from stackwire.messaging.envelope import wrap
from support.matrix.flows import Flow, Request, Upload
from support.matrix.stack import Stack
from support.polling import pass_time
from support.processes import CRASHED

CRASH_SECONDS = 60.0
SILENCE_SECONDS = 4.0
"""How long a peer does not answer: longer than callers wait for its heartbeat (``CALL_MONITOR_TIMEOUT_SECONDS``)."""
MOMENT_SECONDS = 0.6
"""Within which a server below dies after a request was sent."""
Status = int | None
Fault = Callable[[Stack, Flow, random.Random], Awaitable[Status]]


async def send(stack: Stack, request: Request) -> Status:
    method, service, path, body = request
    answer = await stack.cloud.client.try_once(method, service, path, **body)
    return None if answer is None else answer.status


def killed(which: str) -> Fault:
    """K1 to K4: a process dies at one of the flow's failpoints, by chance all of the service with it, and is started
    again."""

    async def kill(stack: Stack, flow: Flow, chance: random.Random) -> Status:
        service, failpoint = chance.choice(flow.killed[which]).split()
        processes = stack.processes
        processes.set_failpoint(service, failpoint)
        crash = asyncio.create_task(stack.groups.crash(service))
        sending = asyncio.create_task(send(stack, flow.request()))
        try:
            async with asyncio.timeout(CRASH_SECONDS):
                exit_code = await crash
        except TimeoutError:
            raise AssertionError(f"{failpoint} was not reached: {processes.log(service)[-2000:]}") from None
        finally:
            processes.set_failpoint(service, "")
            await stack.groups.come_back(service, chance)
        assert exit_code == CRASHED
        return await sending

    return kill


async def broker_restart(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """BR: RabbitMQ dies within a moment of the request."""
    await stack.keep_queues()
    return await _amid(stack, flow, chance, stack.crash_rabbit)


async def database_restart(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """DR: PostgreSQL dies within a moment of the request."""
    return await _amid(stack, flow, chance, stack.crash_postgres)


async def _amid(stack: Stack, flow: Flow, chance: random.Random, crash: Callable[[], Awaitable[None]]) -> Status:
    sending = asyncio.create_task(send(stack, flow.request()))
    await pass_time(chance.uniform(0, MOMENT_SECONDS))
    await crash()
    return await sending


async def reply_lost(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """RL: every queue for replies is deleted while the peer works. An upload waits for none, and goes on."""
    if not flow.calls:
        sending = asyncio.create_task(send(stack, flow.request()))
        assert await stack.delete_reply_queues()
        return await sending
    stack.freeze(flow.peer, chance)
    try:
        sending = asyncio.create_task(send(stack, flow.request()))
        await pass_time(chance.uniform(0.1, MOMENT_SECONDS))
        assert await stack.delete_reply_queues()
    finally:
        stack.thaw(flow.peer)
    return await sending


async def delivered_twice(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """DD: everything that was on the bus is published again, before and after a restart of the services."""
    status = await send(stack, flow.request())
    assert await flow.finished()
    before = await _rows(stack)
    heard = await stack.audited()
    for restart in (False, True):
        if restart:
            await stack.groups.kill(chance.choice(["image", "volume", "compute"]), chance)
        for message in chance.sample(heard, len(heard)):
            properties = {
                "content_type": message.content_type,
                "content_encoding": message.content_encoding,
                "headers": message.headers,
            }
            await stack.publish(message.exchange or "", message.routing_key or "", message.body, **properties)
        assert await flow.finished()
    after = await _rows(stack)
    assert after == before, {noun: (before[noun], after[noun]) for noun in NOUNS if after[noun] != before[noun]}
    return status


NOUNS = (
    "image.images",
    "image.image_properties",
    "volume.volumes",
    "volume.snapshots",
    "volume.volume_attachment",
    "volume.volume_glance_metadata",
    "compute.instances",
    "compute.block_device_mapping",
    "compute.instance_system_metadata",
)


async def _rows(stack: Stack) -> dict[str, int]:
    """How many rows there are of each noun, deleted ones too."""
    return {noun: await stack.cloud.tables.fetchval(f"SELECT count(*) FROM {noun}") for noun in NOUNS}


async def slow_peer(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """SL: the peer is silent for longer than anybody waits for it, then goes on where it was."""
    if isinstance(flow, Upload):  # its peer is the client
        return await _cut(stack, flow.request(), chance.uniform(0.1, 0.9), silence=SILENCE_SECONDS)
    stack.freeze(flow.peer, chance)
    try:
        sending = asyncio.create_task(send(stack, flow.request()))
        await pass_time(SILENCE_SECONDS)
    finally:
        stack.thaw(flow.peer)
    await pass_time(MOMENT_SECONDS)  # what it was sent meanwhile may be carried out
    return await sending


async def disk_full(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """DF: until the flow has ended."""
    with stack.full_disk():
        status = await send(stack, flow.request())
        await flow.finished()
        return status


async def client_away(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """CD: the client hangs up amid its request, or before the answer."""
    status = await _cut(stack, flow.request(), chance.choice([0.0, 0.01, 0.5, 0.99, 1.0]))
    await pass_time(MOMENT_SECONDS)  # what was received whole may be carried out
    return status


async def _cut(stack: Stack, request: Request, part: float, silence: float = 0.0) -> Status:
    """Sends this part of the body, says nothing for some seconds, and hangs up."""
    method, service, path, more = request
    client = stack.user
    body = more["data"] if "data" in more else orjson.dumps(more["json"]) if "json" in more else b""
    kind = "application/octet-stream" if "data" in more else "application/json"
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), **more.get("headers", {})}
    url = urlsplit(stack.processes.urls[service])
    head = f"{method} {path.replace('{project_id}', client.project_id)} HTTP/1.1\r\nHost: {url.netloc}\r\n"
    head += f"X-Auth-Token: {client.token}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(head.encode() + b"\r\n" + body[: int(len(body) * part)])
    await writer.drain()
    await pass_time(silence)
    writer.transport.abort()
    return None


async def conflict(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """CC: the same request twice at once: one is accepted, or both where that asks for two things."""
    first, second = await asyncio.gather(send(stack, flow.request()), send(stack, flow.rival()))
    assert flow.accepted in (first, second), (first, second)
    assert {first, second} <= {flow.accepted, 400, 404, 409}, (first, second)
    return flow.accepted


def poison(planted: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """Bodies that nobody can read, with their properties; one would create the file where it is unpickled."""
    plain = {"content_type": "application/json", "content_encoding": "utf-8"}

    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (planted,))

    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"1",
        orjson.dumps({"oslo.version": "9.0", "oslo.message": "{}"}),
        orjson.dumps({"oslo.version": "2.0", "oslo.message": "{"}),
        wrap({"method": "no_such_method", "args": {}, "version": "1.0"}),
        wrap({"method": "create_volume", "args": {}, "version": "1.999"}),
        wrap({"method": "create_volume", "args": {}, "version": "junk"}),
        wrap({"method": "create_volume", "args": {"extra": 1}, "version": "1.0"}),
        orjson.dumps({"oslo.version": "2.0", "oslo.message": '{"a":"' + "x" * (16 * 1024**2) + '"}'}),
        b"[" * 100_000,
        b'{"oslo.version":"2.0","oslo.message":"{\\"method\\":\\"a\\\\u0000\\\\ud800\\",\\"args\\":{}}"}',
    ]
    return [
        *((body, plain) for body in bodies),
        (zlib.compress(b"{}"), {"content_type": "application/json", "content_encoding": "gzip"}),
        (pickle.dumps(Planted()), {"content_type": "application/x-python-serialize", "content_encoding": "binary"}),
    ]


TOPICS = (("stackwire", "image"), ("stackwire", "volume"), ("cinder", "cinder-scheduler"), ("nova", "conductor"))
"""Exchange and topic of a server of each service."""


async def poisoned(stack: Stack, flow: Flow, chance: random.Random) -> Status:
    """PM: what nobody can read lies in the queues of all services before the request's own messages."""
    planted = stack.disk / "planted"
    for exchange, topic in TOPICS:
        for body, properties in poison(planted):
            await stack.publish(exchange, topic, body, **properties)
    status = await send(stack, flow.request())
    assert await flow.finished()
    assert not planted.exists()
    return status


FAULTS: dict[str, Fault] = {
    **{which: killed(which) for which in ("K1", "K2", "K3", "K4")},
    "BR": broker_restart,
    "DR": database_restart,
    "RL": reply_lost,
    "DD": delivered_twice,
    "SL": slow_peer,
    "DF": disk_full,
    "CD": client_away,
    "CC": conflict,
    "PM": poisoned,
}
KEPT = frozenset({"K2", "K3", "BR", "DD", "CC", "PM"})
"""Faults after which an accepted request was carried out. After the others it may have failed, wholly."""
BEGUN = """
    SELECT EXISTS (SELECT FROM compute.instance_actions_events WHERE action_id = a.id AND event LIKE 'compute%')
    FROM compute.instance_actions AS a WHERE action = $1 ORDER BY id DESC LIMIT 1"""
"""Whether the host had begun with the latest action of this name."""


async def is_kept(stack: Stack, flow: Flow, fault: str) -> bool:
    """Whether what was accepted had to be done.

    The process that dies in K3 may be the host that has begun with it: what was being built or rebuilt is then in
    error, and a snapshot is abandoned, as with the originals (``nova/compute/manager.py: _init_instance``).
    """
    if fault == "K3" and flow.action:
        return not await stack.cloud.tables.fetchval(BEGUN, flow.action)
    return fault in KEPT or (fault == "RL" and not flow.calls)
