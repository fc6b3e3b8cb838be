"""Notifications that come in pairs, of an operation's start and of its end: lists may show one for both."""

from collections.abc import Sequence

from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Arrow

_START, _END = ".start", ".end"


def fold(arrows: Sequence[Arrow]) -> None:
    """Joins each start with the end of the same operation on the same resource: ``end_number`` and ``end_seconds`` of
    the start, ``start_number`` of the end. An operation that failed has no end, and stays in view."""
    open_starts: dict[tuple[str, str, str, tuple[Resource, ...]], list[Arrow]] = {}
    for arrow in arrows:
        if arrow.kind != "notification":
            continue
        operation, dot, part = arrow.name.rpartition(".")
        key = (operation, arrow.receiver, arrow.sender, arrow.resources)
        if dot + part == _START:
            open_starts.setdefault(key, []).append(arrow)
        elif dot + part == _END and open_starts.get(key):
            start = open_starts[key].pop(0)
            start.end_number, start.end_seconds = arrow.number, arrow.time - start.time
            arrow.start_number = start.number
