"""Which request a message without a request id belongs to: the one that its sender was working on at that time."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from operator import attrgetter

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.payload import is_read

OUTBOX_DELAY_SECONDS = 0.25
"""Seconds after a request's response within which its messages may still leave the outbox."""
MAX_CONCURRENT_REQUESTS = 64
"""Requests to one service that are considered in progress at the same time."""
_TIME = attrgetter("time")


class RequestsInProgress:
    """HTTP requests and calls that may cause an event, by receiver, in the order they began."""

    def __init__(self) -> None:
        self._by_receiver: dict[str, list[Message]] = {}

    def add(self, message: Message) -> bool:
        """True for a request that may cause an event."""
        if not (_may_change(message) or _is_download(message)):
            return False
        insort(self._by_receiver.setdefault(message.receiver, []), message, key=_TIME)
        return True

    def remove(self, message: Message) -> None:
        """Forgets a request, if it is known."""
        known = self._by_receiver.get(message.receiver, [])
        at = bisect_left(known, message.time, key=_TIME)
        while at < len(known) and known[at].time == message.time:
            if known[at] is message:
                del known[at]
                return
            at += 1

    def root_at(self, message: Message, root: Callable[[Message], str | None]) -> str | None:
        """The story of the one request that its sender worked on at the time, and that may be about its resource.

        Glance's events have no request id, and a request that creates a resource does not name it yet.
        """
        known = self._by_receiver.get(message.sender, [])
        end = bisect_right(known, message.time, key=_TIME)
        found = {
            root(request)
            for request in known[max(0, end - MAX_CONCURRENT_REQUESTS) : end]
            if message.time <= request.time + (request.seconds or 0.0) + OUTBOX_DELAY_SECONDS
            and _is_download(request) is (message.name == "image.send")
            and _may_be_about(request, message)
        }
        return found.pop() if len(found) == 1 else None


def _may_change(message: Message) -> bool:
    if message.kind == "call" and message.step == "publish":
        return not is_read(message.name)
    return message.kind == "http" and message.name[:4] not in ("GET ", "HEAD")


def _is_download(message: Message) -> bool:
    """A read that has an event nevertheless: ``image.send``."""
    return message.kind == "http" and message.name.startswith("GET ") and message.name.endswith("/file")


def _may_be_about(request: Message, message: Message) -> bool:
    """A request that creates an image names none, though it may name the server that the image is of."""
    kinds = {resource.kind for resource in message.resources}
    alike = {resource for resource in request.resources if resource.kind in kinds}
    return not alike or bool(alike & set(message.resources))
