"""A clock that can be moved, stopped and set: what reads it, sleeps by it, and who is told before it moves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stackwire.core.clock import TICK, Clock
from support.polling import pass_time

HOUR = timedelta(hours=1)
CHRISTMAS = datetime(2030, 12, 25, tzinfo=UTC)


def apart(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())


async def test_a_clock_nobody_moves_is_the_machines() -> None:
    clock = Clock()
    assert apart(clock.now(), datetime.now(UTC)) < 10
    assert clock.ahead == timedelta()


async def test_what_is_advanced_goes_on_from_there() -> None:
    clock = Clock()
    seconds = clock.monotonic()
    await clock.advance(HOUR)
    await clock.advance(HOUR)
    assert apart(clock.now(), datetime.now(UTC) + 2 * HOUR) < 10
    assert clock.monotonic() - seconds >= 7200
    assert not clock.is_stopped


async def test_it_is_not_advanced_backwards() -> None:
    with pytest.raises(ValueError, match="set it back"):
        await Clock().advance(-HOUR)


async def test_what_is_set_back_measures_no_negative_durations() -> None:
    clock = Clock()
    await clock.advance(HOUR)
    seconds = clock.monotonic()
    await clock.set(datetime(2001, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2001
    assert clock.monotonic() >= seconds


async def test_a_stopped_clock_keeps_the_order_of_events() -> None:
    clock = Clock()
    await clock.set(CHRISTMAS)
    clock.stop()
    first, second = clock.now(), clock.now()
    assert second - first == TICK
    assert apart(first, CHRISTMAS) < 10
    await clock.set(CHRISTMAS)
    assert clock.now() - CHRISTMAS == TICK
    await clock.advance(HOUR)
    assert apart(clock.now(), CHRISTMAS + HOUR) < 0.1
    clock.resume()
    assert not clock.is_stopped
    assert apart(clock.now(), CHRISTMAS + HOUR) < 10


async def test_who_sleeps_by_it_wakes_when_it_is_moved_on() -> None:
    clock = Clock()
    sleeping = asyncio.create_task(clock.sleep(3600.0))
    await pass_time(0)
    await clock.advance(timedelta(minutes=59))
    await pass_time(0)
    assert not sleeping.done()
    await clock.advance(timedelta(minutes=2))
    await asyncio.wait_for(sleeping, 10)


async def test_followers_are_told_before_it_moves() -> None:
    clock, called = Clock(), []

    async def follow(moment: datetime) -> None:
        called.append((moment, clock.now()))

    end = clock.follow(follow)
    await clock.set(CHRISTMAS)
    end()
    await clock.advance(HOUR)
    assert [moment for moment, _ in called] == [CHRISTMAS]
    assert called[0][1] < CHRISTMAS


async def test_reset_is_the_machines_time_again() -> None:
    clock = Clock()
    await clock.set(CHRISTMAS)
    clock.stop()
    await clock.reset()
    assert clock.ahead == timedelta()
    assert not clock.is_stopped


async def test_a_leap_makes_nothing_stuck() -> None:
    clock, minute = Clock(), timedelta(minutes=1)
    changed_at = clock.now()
    assert apart(clock.earlier(minute), changed_at - minute) < 10
    await clock.advance(HOUR)
    assert clock.earlier(minute) < changed_at
    assert clock.earlier(timedelta()) > changed_at + minute
    clock.stop()
    assert clock.earlier(minute) < changed_at + HOUR
    clock.resume()
    assert clock.earlier(minute) < changed_at


async def test_nothing_is_stuck_while_work_is_held_back() -> None:
    clock = Clock()
    clock.held_since = datetime.now(UTC) - HOUR
    assert apart(clock.earlier(timedelta(minutes=1)), datetime.now(UTC) - HOUR) < 70
    clock.held_since = None
    assert apart(clock.earlier(timedelta(minutes=1)), datetime.now(UTC)) < 70
