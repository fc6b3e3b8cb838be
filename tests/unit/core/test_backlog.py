"""What waited for a process when it started is not lost before it had time to come."""

from datetime import UTC, datetime, timedelta

from stackwire.core.backlog import RECEIVED_AFTER, Backlog
from stackwire.core.clock import Clock


def a_stopped_clock() -> Clock:
    clock = Clock()
    clock.stop()
    return clock


async def test_what_waited_has_come_when_the_process_is_that_old() -> None:
    clock = a_stopped_clock()
    backlog = Backlog(clock)
    assert not backlog.is_received
    await clock.set(backlog.started_at + RECEIVED_AFTER)
    assert not backlog.is_received
    await clock.set(backlog.started_at + RECEIVED_AFTER + timedelta(seconds=1))
    assert backlog.is_received


async def test_a_leap_of_the_clock_brings_no_messages() -> None:
    clock = Clock()
    backlog = Backlog(clock)
    await clock.set(datetime.now(UTC) + timedelta(hours=1))
    assert not backlog.is_received
