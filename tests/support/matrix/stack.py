"""The services as processes on a PostgreSQL and a RabbitMQ of their own, both of which may be killed under them.

``audit`` is a consumer's view of the bus: a durable queue that takes every notification and every RPC request.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import asyncpg
from aio_pika.abc import AbstractIncomingMessage

from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.cloud.schemas import schemas
from stackwire.db.bootstrap import bootstrap
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import Properties
from support.cloud import JsonClient, log_in
from support.matrix.groups import Groups
from support.polling import until
from support.postgres import TestDatabase, TestServer
from support.processes import Processes
from support.rabbitmq import TestRabbit, keep_queues, start_broker
from support.retrying_client import ProcessCloud, RetryingClient

SETTINGS = {
    "SWEEP_SECONDS": "0.5",
    "LEASE_SECONDS": "2.0",
    "HEARTBEAT_SECONDS": "0.5",
    "CALL_MONITOR_TIMEOUT_SECONDS": "3",
    "UPLOAD_SECONDS": "2",
}
"""A process that is killed or silent counts as dead soon."""
DURABLE = "?amqp_durable_queues=true&rabbit_quorum_queue=true&dead_letter=dead_letters"
"""What was confirmed survives the broker's death, and what nobody can read is kept apart."""
EXCHANGES = ("stackwire", "glance", "cinder", "nova")
EACH = int(os.environ.get("MATRIX_PROCESSES", "1"))
"""Processes of each service."""
DISK_BYTES = 3 * 1024**3
"""An image of a volume has all of its bytes, zeros too."""


class Stack:
    """``cloud`` is what the tests of killed services use too; the rest breaks what lies under it."""

    def __init__(self, postgres: EmbeddedPostgres, rabbit: TestRabbit, processes: Processes, disk: Path) -> None:
        self.postgres = postgres
        self.rabbit = rabbit
        self.processes = processes
        self.groups = Groups(processes, EACH)
        self.disk = disk
        self.cloud: ProcessCloud
        self.user: JsonClient

    # -- PostgreSQL

    async def connect(self) -> None:
        """A new connection to every service's tables."""
        self.cloud.tables = await asyncpg.connect(self.postgres.dsn())

    async def disconnect(self) -> None:
        """Ends it, whether or not the server is still there."""
        with suppress(asyncpg.PostgresError, OSError):
            await self.cloud.tables.close(timeout=1)

    async def crash_postgres(self) -> None:
        """SIGKILL, and a start on what was on its disk."""
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.postgres.pid is None)  # a start would take it for a server that runs
        await asyncio.to_thread(self.postgres.start)
        await self.disconnect()
        await self.connect()

    # -- RabbitMQ

    async def keep_queues(self) -> None:
        """From now on the broker comes back with every queue that it has: see ``support.rabbitmq.keep_queues``."""
        assert self.rabbit.control is not None
        await asyncio.to_thread(keep_queues, self.rabbit.control)

    async def crash_rabbit(self) -> None:
        """SIGKILL of the broker's whole process group, and a start on what was on its disk."""
        assert self.rabbit.crash is not None
        await asyncio.to_thread(self.rabbit.crash)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        async with await aio_pika.connect(self.rabbit.url) as connection:
            yield await connection.channel()

    async def declare_audit(self) -> None:
        """Everything that is published to an exchange of the services from now on is kept for ``audited``."""
        async with self.channel() as channel:
            queue = await channel.declare_queue("audit", durable=True, arguments={"x-queue-type": "quorum"})
            for name in EXCHANGES:
                await queue.bind(await channel.declare_exchange(name, "topic", durable=True), "#")

    async def audited(self) -> list[AbstractIncomingMessage]:
        """What was published since the last call."""
        found: list[AbstractIncomingMessage] = []
        async with self.channel() as channel:
            queue = await channel.declare_queue("audit", passive=True)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                found.append(message)
        return found

    async def publish(self, exchange: str, routing_key: str, body: bytes, **properties: Any) -> None:
        async with self.channel() as channel:
            to = await channel.get_exchange(exchange) if exchange else channel.default_exchange
            await to.publish(aio_pika.Message(body, **properties), routing_key)

    async def delete_reply_queues(self) -> int:
        """Whoever waits for a reply never gets it. How many queues there were."""
        assert self.rabbit.control is not None
        listed = await asyncio.to_thread(self.rabbit.control, "list_queues", "--no-table-headers", "name")
        names = [name for name in listed.split() if name.startswith("reply_")]
        async with self.channel() as channel:
            for name in names:
                await channel.queue_delete(name)
        return len(names)

    # -- processes and disks

    def freeze(self, service: str, chance: random.Random | None = None) -> None:
        """All its processes, or by ``chance`` one of several."""
        serving = self.groups.serving(service)
        if chance is not None and len(serving) > 1 and chance.random() < 0.5:
            serving = [chance.choice(serving)]
        for pid in serving:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, service: str) -> None:
        for pid in self.groups.serving(service):
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No byte is free where the services keep their data, until the block ends."""
        ballast = self.disk / "ballast"
        with ballast.open("wb") as file:
            space = os.statvfs(self.disk)
            os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize)
        try:
            yield
        finally:
            ballast.unlink()


def notified(messages: list[AbstractIncomingMessage]) -> set[str]:
    """The message ids of the notifications among them."""
    found = set()
    for message in messages:
        if "notifications." in (message.routing_key or ""):
            found.add(str(_payload(message)["message_id"]))
    return found


def _payload(message: AbstractIncomingMessage) -> dict[str, Any]:
    properties = Properties(content_type=message.content_type, content_encoding=message.content_encoding)
    return unwrap(message.body, properties)


@asynccontextmanager
async def running_stack() -> AsyncIterator[Stack]:
    """Everything of its own, in a folder of its own; gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="stackwire-matrix-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / "postgres", contents=schemas)
    rabbit, stop_rabbit = await asyncio.to_thread(start_broker)
    try:
        await asyncio.to_thread(postgres.start)
        await bootstrap(postgres.dsn())
        database = TestDatabase(TestServer(postgres.dsn()), "postgres")
        with _small_disk(folder / "data") as disk:
            processes = Processes(database, rabbit.url + DURABLE, folder, SETTINGS, data_folder=disk, each=EACH)
            stack = Stack(postgres, rabbit, processes, disk)
            await stack.declare_audit()
            try:
                await processes.start_all()
                async with aiohttp.ClientSession() as session:
                    stack.user, admin = [await log_in(session, processes.urls, name) for name in ("demo", "admin")]
                    clients = RetryingClient(stack.user), RetryingClient(admin)
                    stack.cloud = ProcessCloud(processes, *clients, await asyncpg.connect(postgres.dsn()))
                    try:
                        yield stack
                    finally:
                        await stack.disconnect()
            finally:
                await processes.close()
    finally:
        await asyncio.to_thread(stop_rabbit)
        await asyncio.to_thread(postgres.remove)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system in memory; only root may mount one."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
