"""The pace of workers: at once, as long as the originals take by the cloud's clock, or when they are told."""

import asyncio
from datetime import timedelta

from stackwire.core.clock import Clock
from stackwire.core.pace import SECONDS, Pace
from support.polling import pass_time, until


def begun(pace: Pace, method: str, about: str = "") -> asyncio.Task[None]:
    return asyncio.ensure_future(pace.wait("compute", method, about))


async def held(pace: Pace, count: int) -> None:
    await until(lambda: len(pace.held) == count)


async def test_workers_begin_at_once() -> None:
    pace = Pace(Clock())
    await asyncio.wait_for(pace.wait("compute", "build_and_run_instance", ""), 10)
    assert pace.held == ()


async def test_what_is_held_waits_until_it_is_told() -> None:
    pace = Pace(Clock(), "held")
    first, second = begun(pace, "build_and_run_instance", "server 1"), begun(pace, "create_volume", "volume 1")
    third = begun(pace, "create_volume", "volume 2")
    await held(pace, 3)
    assert [work.method for work in pace.held] == ["build_and_run_instance", "create_volume", "create_volume"]
    assert pace.release(method="create_volume", about="volume 2") == 1
    await third
    assert pace.release(count=1) == 1
    await first
    assert not second.done()
    assert pace.release() == 1
    await second
    assert (pace.held, pace.release()) == ((), 0)


async def test_another_pace_lets_everything_go_on() -> None:
    pace = Pace(Clock(), "held")
    waiting = begun(pace, "create_volume")
    await held(pace, 1)
    pace.set("instant")
    await waiting
    await pace.wait("compute", "create_volume", "")
    assert (pace.held, pace.name) == ((), "instant")


async def test_a_realistic_pace_passes_on_the_clock_of_the_cloud() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.set("realistic", {"create_volume": 600.0})
    slow, quick = begun(pace, "create_volume"), begun(pace, "build_and_run_instance")
    await held(pace, 2)
    await clock.advance(timedelta(seconds=SECONDS["build_and_run_instance"]))
    await asyncio.wait_for(quick, 10)
    assert not slow.done()
    await clock.advance(timedelta(seconds=600))
    await asyncio.wait_for(slow, 10)
    assert pace.held == ()


async def test_who_is_not_waited_for_any_more_is_not_held() -> None:
    pace = Pace(Clock(), "held")
    waiting = begun(pace, "create_volume")
    await held(pace, 1)
    waiting.cancel()
    await pass_time(0)
    await pass_time(0)
    assert pace.held == ()
