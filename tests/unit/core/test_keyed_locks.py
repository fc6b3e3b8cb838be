"""One at a time for each key, and nothing kept of keys that nobody uses."""

import asyncio

from stackwire.core.keyed_locks import KeyedLocks


async def test_two_of_one_key_follow_each_other_and_two_keys_do_not_wait() -> None:
    locks, log = KeyedLocks(), []
    first_may_end = asyncio.Event()

    async def first() -> None:
        async with locks.exclusive("a"):
            log.append("first begins")
            await first_may_end.wait()
            log.append("first ends")

    async def second() -> None:
        async with locks.exclusive("a"):
            log.append("second")

    tasks = [asyncio.create_task(first()), asyncio.create_task(second())]
    async with locks.exclusive("b"):
        log.append("another key")
    await asyncio.wait([tasks[1]], timeout=0.01)
    first_may_end.set()
    await asyncio.gather(*tasks)
    assert [entry for entry in log if entry != "another key"] == ["first begins", "first ends", "second"]


async def test_a_key_is_busy_while_somebody_has_it_or_waits() -> None:
    locks = KeyedLocks()
    assert not locks.busy("a")
    async with locks.exclusive("a"):
        waiting = asyncio.create_task(locks.exclusive("a").__aenter__())
        await asyncio.wait([waiting], timeout=0.01)
        assert locks.busy("a")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert locks.busy("a")
    assert not locks.busy("a")
