"""Several clients at once, while services, RabbitMQ and PostgreSQL die under them: what they were told is true.

`make test` runs one seed for twenty seconds, `make soak` one for ten minutes, and looks at what the processes use.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from statistics import median

import pytest

from support import invariants
from support.matrix.history import Clients, History, break_things, check, percentile
from support.matrix.resources import Usage, measure
from support.matrix.stack import Stack, notified, running_stack

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
SEED = os.environ.get("MATRIX_SEED", "1")
pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.slow,
    pytest.mark.timeout(SECONDS * 2 + 300),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, which only root may"),
]
PATIENCE_SECONDS = 60.0
CLIENTS = 5
SENT = "SELECT id, name FROM {schema}.outbox WHERE kind = 'notify' AND (address->>'durable')::boolean"
GROWTH_MIB = 32.0
"""How much more memory a service may have after many rounds than after the first: caches fill."""
SLOWER, SLOWER_MS = 2.0, 50.0
"""How much slower the median answer of the last rounds may be than that of the first."""
TAIL_SLOWER, TAIL_SLOWER_MS = 3.0, 100.0
"""And how much slower one read in a hundred while nothing is broken: what else this machine does shows there first."""
GROWTH = 50
"""And how many more open files, connections or leases: pools grow to their bounds."""


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


async def a_round(stack: Stack, chance: random.Random, seconds: float) -> History:
    """Clients at work while things break; then everything is at rest, and as they were told."""
    clients = Clients(stack, chance, CLIENTS)
    working = asyncio.create_task(clients.run())
    try:
        broken = await break_things(stack, chance, seconds, clients.history)
    finally:
        clients.stop.set()
        history = await working
    await invariants.hold(stack.cloud.tables, PATIENCE_SECONDS)
    await check(stack, clients)
    assert history.counts["ok"] > 0
    heard = notified(await stack.audited())
    for schema in ("image", "volume", "compute"):
        lost = [tuple(row) for row in await stack.cloud.tables.fetch(SENT.format(schema=schema)) if row[0] not in heard]
        assert not lost, f"confirmed by the broker, and lost after {broken}: {lost}"
    print(f"{len(broken)} faults ({', '.join(broken)}); operations {dict(history.counts)}")
    print(f"p50 {history.percentile(0.5):.1f} ms, p99 {history.percentile(0.99):.1f} ms")
    await stack.cloud.delete_everything()
    await stack.cloud.delete_images()
    for schema in ("image", "volume", "compute"):
        await stack.cloud.tables.execute(f"DELETE FROM {schema}.outbox WHERE sent_at IS NOT NULL")
    return history


def check_pace(histories: Sequence[History]) -> None:
    """The last clients were not much slower than the first."""
    medians = [history.percentile(0.5) for history in histories]
    quarter = max(1, len(medians) // 4)
    assert median(medians[-quarter:]) < SLOWER * median(medians[:quarter]) + SLOWER_MS, medians
    third = max(1, len(histories) // 3)
    first, last = (
        percentile([read for history in part for read in history.quiet()], 0.99)
        for part in (histories[:third], histories[-third:])
    )
    print(f"p99 of reads while nothing was broken: first {first:.1f} ms, last {last:.1f} ms")
    assert last < TAIL_SLOWER * first + TAIL_SLOWER_MS


async def test_what_clients_were_told_is_true_whatever_broke(stack: Stack) -> None:
    chance = random.Random(SEED)
    round_seconds = min(SECONDS, 30.0)
    usages: list[Usage] = []
    histories: list[History] = []
    while len(usages) * round_seconds < SECONDS:
        histories.append(await a_round(stack, chance, round_seconds))
        usages.append(await measure(stack))
        print(usages[-1])
    check_pace(histories)
    first, last = usages[0], usages[-1]
    for service, memory in last.memory.items():
        assert memory < first.memory[service] + GROWTH_MIB, usages
    for service, files in last.files.items():
        assert files < first.files[service] + GROWTH, usages
    assert last.connections < first.connections + GROWTH, usages
    assert all(count < first.rows[table] + GROWTH for table, count in last.rows.items()), usages
    assert last.stored.total() <= first.stored.total() + 5, usages
