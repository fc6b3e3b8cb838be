"""Which part of a service speaks, where several share one place at the bus: the one the request was given to last."""

from collections import OrderedDict
from typing import Any, NamedTuple

REQUESTS = 10_000
"""Requests remembered; the oldest go first."""
TURNS = 128
"""Turns of one service remembered in one request."""
_APIS = {"nova": "nova-api", "cinder": "cinder-api", "glance": "glance-api"}


class _Turn(NamedTuple):
    """A lane has the request from ``began`` on: until it answers a call, for good after a cast."""

    lane: str
    began: float
    call_id: str | None
    ended: float = float("inf")


class Speakers:
    """Per request and service, who was given the request when. Told in the order of the bus."""

    def __init__(self) -> None:
        self._turns: OrderedDict[tuple[str, str], list[_Turn]] = OrderedDict()
        self._asked: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._workers: OrderedDict[str, None] = OrderedDict()

    def given(self, request: str, lane: str, time: float, call_id: str | None) -> None:
        """A call or cast was sent to the lane."""
        if "@" in lane:
            _remember(self._workers, lane, None)
        key = (request, service_of(lane))
        turns = self._turns.get(key, [])
        turns.append(_Turn(lane, time, call_id))
        _remember(self._turns, key, turns[-TURNS:])
        if call_id:
            _remember(self._asked, call_id, key)

    def answered(self, call_id: str, time: float) -> None:
        key = self._asked.pop(call_id, None)
        turns = self._turns.get(key, []) if key else []
        for at, turn in enumerate(turns):
            if turn.call_id == call_id:
                turns[at] = turn._replace(ended=time)

    def of(self, request: str | None, service: str, time: float) -> str:
        """The lane of the service that had the request then; its API, where every request begins, when none had."""
        turns = self._turns.get((request or "", service), [])
        return next(
            (turn.lane for turn in reversed(turns) if turn.began <= time <= turn.ended), _APIS.get(service, service)
        )

    def worker(self, request: str | None, lane: str) -> str:
        """The lane with the host that has the request, where one of its kind does: ``nova-compute@compute-1``."""
        turns = self._turns.get((request or "", service_of(lane)), [])
        return next((turn.lane for turn in reversed(turns) if turn.lane.split("@")[0] == lane), lane)

    def is_worker(self, lane: str) -> bool:
        """True for a lane with a host that messages have been sent to."""
        return lane in self._workers


def service_of(lane: str) -> str:
    """``nova`` of ``nova-compute@compute-1``."""
    return lane.split("@")[0].split("-")[0]


def _remember(table: "OrderedDict[Any, Any]", key: object, value: object) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > REQUESTS:
        table.popitem(last=False)
