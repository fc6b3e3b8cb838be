"""Leases of one process beside transactions of others."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from stackwire.compute.flows.unfinished import IMAGE, unfinished
from stackwire.core.clock import Clock
from stackwire.core.context import system_context
from stackwire.core.errors import BadRequest
from stackwire.db.leases import Leases
from stackwire.db.pool import Database
from stackwire.messaging.errors import CallTimeout
from support.postgres import TestDatabase

MIGRATIONS = Path(str(files("stackwire.volume"))) / "db/migrations"
TTL = timedelta(minutes=1)
CTX = system_context("volume")


async def opened(postgres: TestDatabase, clock: Clock) -> Database:
    return await Database.open(postgres.url("volume"), schema="volume", migrations=MIGRATIONS, clock=clock)


async def test_a_renewal_waits_for_no_transaction_that_ends_several_leases(postgres: TestDatabase) -> None:
    """Each would wait for a row that the other has: one of them would be ended (``Raced``)."""
    clock, ids = Clock(), [f"{number:03}" for number in range(200)]
    own, other = [await opened(postgres, clock) for _ in range(2)]
    leases, ends = Leases(own, owner="own", ttl=TTL), Leases(other, owner="other", ttl=TTL)
    done = False

    async def renew() -> None:
        while not done:
            await clock.advance(timedelta(seconds=1))  # leases follow the clock

    async def end() -> None:
        nonlocal done
        try:
            for _ in range(60):
                async with other.work(CTX) as uow:
                    for id in random.sample(ids, 8):
                        await ends.revoke(uow, "volume", id)
        finally:
            done = True

    async with AsyncExitStack() as kept:
        for database in (own, other):
            kept.push_async_callback(database.close)
        for each in (leases, ends):
            kept.push_async_callback(each.close)
        async with own.work(CTX) as uow:
            for id in ids:
                await leases.claim(uow, "volume", id)
        for id in ids:
            await kept.enter_async_context(leases.keep("volume", id))
        await asyncio.gather(renew(), end())
    assert done


async def test_work_for_one_alone_is_left_to_the_first_until_it_has_ended(postgres: TestDatabase) -> None:
    clock = Clock()
    databases = [await opened(postgres, clock) for _ in range(2)]
    first, second = (Leases(database, owner=f"{at}", ttl=TTL) for at, database in enumerate(databases))
    async with first.exclusive(CTX, "sweep", "all") as it_is, second.exclusive(CTX, "sweep", "all") as it_is_too:
        assert (it_is, it_is_too) == (True, False)
        async with first.exclusive(CTX, "sweep", "all") as again:
            assert not again
    async with second.exclusive(CTX, "sweep", "all") as later:
        assert later
    for leases, database in zip((first, second), databases, strict=True):
        await leases.close()
        await database.close()


@pytest.mark.parametrize(
    ("error", "stays"), [(CallTimeout(topic="image", method="create_image", seconds=3), True), (BadRequest("x"), False)]
)
async def test_what_a_peer_that_did_not_answer_may_have_created_stays_noted(
    postgres: TestDatabase, error: Exception, *, stays: bool
) -> None:
    """A peer that refused has created nothing."""
    clock = Clock()
    async with AsyncExitStack() as kept:
        database = await opened(postgres, clock)
        kept.push_async_callback(database.close)
        leases = Leases(database, owner="own", ttl=TTL)
        kept.push_async_callback(leases.close)
        with pytest.raises(type(error)):
            async with unfinished(database, leases, CTX, {"an image": IMAGE}):
                raise error
        await clock.advance(2 * TTL)
        async with database.read() as session:
            assert await leases.expired(session, IMAGE) == ["an image"] * stays
