"""Nine flows, thirteen faults: whatever breaks under a request, it is carried out or nothing of it is left.

The services are processes, on a PostgreSQL and a RabbitMQ of their own that are killed, too. ``make matrix SEEDS=20``
runs every cell with twenty seeds, `make test` runs some cells with one: a seed decides which of several moments a
fault takes.
"""

import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from support import invariants
from support.matrix.faults import FAULTS, is_kept
from support.matrix.flows import FLOWS
from support.matrix.stack import Stack, notified, running_stack

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, which only root may"),
]

SEEDS = int(os.environ.get("MATRIX_SEEDS", "0"))
FIRST_SEED = int(os.environ.get("MATRIX_SEED", "1"))
EVERY_CELL = [(flow, fault) for flow in FLOWS for fault in FAULTS]
SAMPLE = [
    ("F1", "DR"),
    ("F1", "CC"),
    ("F2", "BR"),
    ("F2", "PM"),
    ("F4", "RL"),
    ("F4", "DD"),
    ("F5", "SL"),
    ("F6", "K1"),
    ("F7", "DF"),
    ("F8", "K3"),
    ("F9", "CD"),
]
"""What no other test shows; of killed processes `test_kill.py` has more."""
CELLS = [
    (flow, fault, seed)
    for seed in range(FIRST_SEED, FIRST_SEED + max(SEEDS, 1))
    for flow, fault in (EVERY_CELL if SEEDS else SAMPLE)
]
LOG_LINES = 60
PATIENCE_SECONDS = 30.0
"""After the last fault, until everything is at rest."""
SENT = """
    SELECT id, name FROM {schema}.outbox
    WHERE kind = 'notify' AND (address->>'durable')::boolean AND created_at >= $1
"""


class Stacks:
    """One stack for all cells, and another one after a cell that failed: it must not make the next one fail."""

    def __init__(self, exits: AsyncExitStack) -> None:
        self._exits = exits
        self._stack: Stack | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Stack]:
        if self._stack is None:
            self._stack = await self._exits.enter_async_context(running_stack())
        try:
            yield self._stack
        except BaseException:
            for service in self._stack.processes.running:
                lines = self._stack.processes.log(service).splitlines()
                said = [line for line in lines if " stackwire.access " not in line]
                print(f"--- the end of {service}'s log", *said[-LOG_LINES:], sep="\n")
            self._stack = None
            await self._exits.aclose()
            raise


@pytest.fixture(scope="module")
async def stacks() -> AsyncIterator[Stacks]:
    async with AsyncExitStack() as exits:
        yield Stacks(exits)


@pytest.mark.parametrize(("flow", "fault", "seed"), CELLS, ids=["-".join(map(str, cell)) for cell in CELLS])
async def test_it_is_carried_out_or_nothing_of_it_is_left(stacks: Stacks, flow: str, fault: str, seed: int) -> None:
    async with stacks.use() as stack:
        await check(stack, flow, fault, random.Random(f"{flow} {fault} {seed}"))


async def check(stack: Stack, flow: str, fault: str, chance: random.Random) -> None:
    story = FLOWS[flow](stack.cloud)
    await story.prepare()
    await invariants.hold(stack.cloud.tables, PATIENCE_SECONDS)
    heard = notified(await stack.audited())
    start = await stack.cloud.tables.fetchval("SELECT clock_timestamp()")

    status = await FAULTS[fault](stack, story, chance)

    finished = await story.finished()
    await invariants.hold(stack.cloud.tables, PATIENCE_SECONDS)
    if status == story.accepted and not finished:
        assert not await is_kept(stack, story, fault), "it was accepted, and not done"
    if fault == "CC":
        assert finished
    heard |= notified(await stack.audited())
    for schema in ("image", "volume", "compute"):
        sent = await stack.cloud.tables.fetch(SENT.format(schema=schema), start)
        lost = [tuple(row) for row in sent if row["id"] not in heard]
        assert not lost or fault == "DD", f"confirmed by the broker, and lost: {lost}"  # DD has read them itself
    await clean_up(stack)


async def clean_up(stack: Stack) -> None:
    await stack.cloud.delete_everything()
    for image in (await stack.cloud.client.get("image", "/v2/images?limit=1000")).json["images"]:
        if image["name"].startswith("matrix-"):
            await stack.cloud.client.try_once("DELETE", "image", f"/v2/images/{image['id']}")
    await invariants.hold(stack.cloud.tables, PATIENCE_SECONDS)
