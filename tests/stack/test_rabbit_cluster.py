"""Three RabbitMQ nodes with quorum queues, behind one address, under load: the node that leads dies, falls silent, or
is parted from the others. Nothing that was confirmed is lost.

`make test-cluster` alone runs it.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest

from stackwire.db.bootstrap import as_role
from support.confirmed import SCHEMA, Audit, Senders, senders
from support.polling import pass_time, until
from support.postgres import TestDatabase, skip_or_fail
from support.rabbit_cluster import Cluster, Node, a_cluster
from support.rabbitmq import NoRabbit
from support.wires import Gateway, carrying

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(600)]
RUNS = int(os.environ.get("TEST_CLUSTER", "1"))
MESSAGES = 1000
LEADS = "notifications.info"
SILENCE_SECONDS = 12.0
"""Of a node: longer than the others wait for it."""
Fault = Callable[[Cluster, Node], Awaitable[None]]


async def killed(cluster: Cluster, node: Node) -> None:
    await asyncio.to_thread(cluster.kill, node)
    await asyncio.to_thread(cluster.start, node)


async def frozen(cluster: Cluster, node: Node) -> None:
    """It goes on for a moment, where it was, and is restarted: it does not find its way back by itself."""
    cluster.freeze(node)
    await pass_time(SILENCE_SECONDS)
    cluster.thaw(node)
    await pass_time(SILENCE_SECONDS / 4)
    await killed(cluster, node)


async def parted(cluster: Cluster, node: Node) -> None:
    await asyncio.to_thread(cluster.part, node)
    await until(lambda: not node.answers, 60, interval=0.2)  # alone it is no majority, and pauses
    await pass_time(SILENCE_SECONDS / 4)
    await asyncio.to_thread(cluster.join, node)


FAULTS: dict[str, Fault] = {"killed": killed, "frozen": frozen, "parted": parted}


class Servers(NamedTuple):
    cluster: Cluster
    url: str


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[Servers]:
    """The cluster, and a URL that leads to any of its nodes that takes a connection."""
    starting = a_cluster()
    try:
        cluster = await asyncio.to_thread(starting.__enter__)
    except NoRabbit as error:
        skip_or_fail(str(error))
    try:
        async with carrying(Gateway(cluster.ports, lambda _: True)) as gateway:
            url = f"amqp://guest:guest@127.0.0.1:{gateway.port}/"
            await Audit(url).declare(*(node.control for node in cluster.nodes))
            yield Servers(cluster, url)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


async def break_leader(servers: Servers, fault: str, load: Senders, chance: random.Random) -> str:
    """When part of the work is done, what leads the queue is broken; once it is whole again the cluster is, too."""
    begin = chance.randrange(MESSAGES // 10, MESSAGES // 2)
    await until(lambda: len(load.confirmed) >= begin, 120)
    leader = await asyncio.to_thread(servers.cluster.leader, LEADS)
    await FAULTS[fault](servers.cluster, leader)
    await until(lambda: asyncio.to_thread(servers.cluster.is_whole), 120, interval=1.0)
    return leader.name


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("run", range(1, RUNS + 1))
async def test_nothing_is_lost_with_the_node_that_led(
    servers: Servers, postgres: TestDatabase, fault: str, run: int
) -> None:
    chance = random.Random(f"{fault} {run}")
    async with senders(servers.url, as_role(postgres.admin_url, SCHEMA)) as load:
        *_, leader = await asyncio.gather(
            load.publish(MESSAGES), load.commit(MESSAGES), break_leader(servers, fault, load, chance)
        )
        await until(load.idle, 120, interval=0.1)
    arrived = await Audit(servers.url).keys()
    print(
        f"run {run}: {leader} {fault}; {len(load.confirmed)} confirmed, {len(load.committed)} committed,"
        f" {load.failed} refused; lost {len(load.confirmed - arrived)}, {len(load.committed - arrived)}"
    )
    assert load.confirmed - arrived == set(), "confirmed by the broker, and not there"
    assert load.committed - arrived == set(), "committed, and never heard of"
