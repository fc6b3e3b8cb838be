"""What waits on the bus when a process starts: until it has had time to come, nothing that was requested is lost."""

from datetime import timedelta

from stackwire.core.clock import Clock

RECEIVED_AFTER = timedelta(seconds=5)
"""How long after the start of a process the messages that waited for it have been received, however old they are."""


class Backlog:
    """Of the process that makes it; ``started_at``: when it did."""

    def __init__(self, clock: Clock) -> None:
        self.started_at = clock.now()
        self._clock = clock

    @property
    def is_received(self) -> bool:
        """Whether what has not come until now will not come any more."""
        return self._clock.earlier(RECEIVED_AFTER) > self.started_at
