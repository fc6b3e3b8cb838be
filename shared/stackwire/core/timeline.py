"""To which life of the cloud a piece of work belongs: a reset ends one timeline and begins the next.

PostgreSQL's word for what a recovery to an earlier point begins. Work that a reset could not stop at once, because it
was shielded or sits in a thread, finds its timeline ended before it can write, send or ask for anything more.
"""

from contextvars import ContextVar

from stackwire.core.errors import ServiceError


class TimelineEnded(ServiceError, status=503, title="Service Unavailable"):
    """The cloud was reset while this was under way."""


class Timeline:
    """From the start, or from one reset, to the next."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False


CURRENT: ContextVar[Timeline | None] = ContextVar("CURRENT", default=None)
"""Of the request, message or sweep under way; None for work that belongs to no timeline, as a start does."""


def check_timeline() -> None:
    """Raises TimelineEnded in work that has outlived its timeline."""
    timeline = CURRENT.get()
    if timeline is not None and timeline.ended:
        raise TimelineEnded
