"""RabbitMQ and PostgreSQL die by kill -9 under load: no message that was confirmed and no change that was committed
is lost. `make test-confirmed` does it twenty times.
"""

import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.db.bootstrap import as_role, bootstrap
from stackwire.messaging.connect import connect
from stackwire.messaging.notify import Notifier
from support.confirmed import DURABLE, SCHEMA, Audit, Senders, event, senders
from support.polling import until
from support.postgres import skip_or_fail
from support.rabbitmq import NoRabbit, TestRabbit, start_broker

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(120)]
RUNS = int(os.environ.get("CONFIRMED_RUNS", "1"))
MESSAGES = 1000
SECONDS = 80
"""Of a run, which takes about fifteen."""


class Servers(NamedTuple):
    broker: TestRabbit
    postgres: EmbeddedPostgres


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[Servers]:
    """Of the module's own: they are killed."""
    folder = Path(tempfile.mkdtemp(prefix="stackwire-confirmed-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder)
    try:
        broker, stop = await asyncio.to_thread(start_broker)
    except NoRabbit as error:
        skip_or_fail(str(error))
    try:
        await asyncio.to_thread(postgres.start)
        await bootstrap(postgres.dsn())
        assert broker.control is not None
        await Audit(broker.url).declare(broker.control)
        yield Servers(broker, postgres)
    finally:
        await asyncio.to_thread(stop)
        await asyncio.to_thread(postgres.remove)
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_quorum_queue_that_was_declared_a_moment_ago_outlives_the_broker(servers: Servers) -> None:
    """Told to keep it: else it would come back without a leader, and confirm nothing any more."""
    assert servers.broker.crash is not None
    await asyncio.to_thread(servers.broker.crash)
    sender = await connect(servers.broker.url + DURABLE, name="sender", timeout_seconds=30)
    async with asyncio.timeout(30):
        await Notifier(sender).send(event("after"), {}, "message-after", datetime.now(UTC))
    await sender.close()
    assert await Audit(servers.broker.url).keys() == {"after"}


def kill(postgres: EmbeddedPostgres) -> None:
    """SIGKILL of it and all its backends, and a start on what is on its disk."""
    assert postgres.pid is not None
    children = Path(f"/proc/{postgres.pid}/task/{postgres.pid}/children").read_text().split()
    for pid in (postgres.pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    postgres.start()


async def die_under(servers: Servers, load: Senders, chance: random.Random) -> None:
    """Each server at a moment of its own, when part of the work is done."""
    assert servers.broker.crash is not None
    broker_at, postgres_at = (chance.randrange(MESSAGES // 10, MESSAGES // 2) for _ in range(2))

    async def broker_dies() -> None:
        await until(lambda: len(load.confirmed) >= broker_at, SECONDS)
        await asyncio.to_thread(servers.broker.crash)  # type: ignore[arg-type]  # this broker has a crash

    async def postgres_dies() -> None:
        await until(lambda: len(load.committed) >= postgres_at, SECONDS)
        await asyncio.to_thread(kill, servers.postgres)

    await asyncio.gather(broker_dies(), postgres_dies())


@pytest.mark.parametrize("run", range(1, RUNS + 1))
async def test_nothing_that_was_confirmed_or_committed_is_lost(servers: Servers, run: int) -> None:
    chance = random.Random(run)
    database = as_role(servers.postgres.dsn(), SCHEMA)
    async with senders(servers.broker.url, database) as load, asyncio.timeout(SECONDS):
        await asyncio.gather(load.publish(MESSAGES), load.commit(MESSAGES), die_under(servers, load, chance))
        await until(load.idle, SECONDS, interval=0.1)
        written = await load.written()
    arrived = await Audit(servers.broker.url).keys()
    print(
        f"run {run}: {len(load.confirmed)} confirmed, {len(load.committed)} committed, {load.failed} refused;"
        f" lost {len(load.confirmed - arrived)}, {len(load.committed - written)}, {len(load.committed - arrived)}"
    )
    assert load.committed - written == set(), "committed, and not in the database"
    assert load.confirmed - arrived == set(), "confirmed by the broker, and not there"
    assert load.committed - arrived == set(), "committed, and never heard of"
