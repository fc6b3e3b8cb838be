"""Which part of a service sends a message, where several share a connection: the one that has the request."""

from collections import OrderedDict
from typing import Any, NamedTuple

MAX_REQUESTS_KEPT = 10_000
"""Requests remembered; the oldest are dropped first."""
MAX_HOLDERS = 128
"""Holders remembered of one service in one request."""
_API_OF_PROJECT = {"nova": "nova-api", "cinder": "cinder-api", "glance": "glance-api"}


class _Holder(NamedTuple):
    """A participant that has the request from ``began`` on: until it replies to a call, for good after a cast."""

    participant: str
    began: float
    call_id: str | None
    ended: float = float("inf")


class SenderInference:
    """By request and service, which participant has the request when. Fed in the order of the bus."""

    def __init__(self) -> None:
        self._holders: OrderedDict[tuple[str, str], list[_Holder]] = OrderedDict()
        self._calls: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._workers: OrderedDict[str, None] = OrderedDict()

    def request_sent(self, request: str, participant: str, time: float, call_id: str | None) -> None:
        """A call or cast was sent to the participant."""
        if "@" in participant:
            remember(self._workers, participant, None)
        key = (request, service_of(participant))
        holders = self._holders.get(key, [])
        holders.append(_Holder(participant, time, call_id))
        remember(self._holders, key, holders[-MAX_HOLDERS:])
        if call_id:
            remember(self._calls, call_id, key)

    def call_answered(self, call_id: str, time: float) -> None:
        """The participant no longer has the request."""
        key = self._calls.pop(call_id, None)
        holders = self._holders.get(key, []) if key else []
        for at, holder in enumerate(holders):
            if holder.call_id == call_id:
                holders[at] = holder._replace(ended=time)

    def sender(self, request: str | None, service: str, time: float) -> str:
        """The participant of the service that had the request then; if none had, its API, where requests begin."""
        for holder in reversed(self._holders.get((request or "", service), [])):
            if holder.began <= time <= holder.ended:
                return holder.participant
        return _API_OF_PROJECT.get(service, service)

    def worker(self, request: str | None, participant: str) -> str:
        """The participant with the host that has the request, if one has: ``nova-compute@compute-1``."""
        for holder in reversed(self._holders.get((request or "", service_of(participant)), [])):
            if holder.participant.split("@")[0] == participant:
                return holder.participant
        return participant

    def is_worker(self, participant: str) -> bool:
        """True for a participant with a host that messages have been sent to."""
        return participant in self._workers


def service_of(participant: str) -> str:
    """``nova`` of ``nova-compute@compute-1``."""
    return participant.split("@")[0].split("-")[0]


def remember(table: "OrderedDict[Any, Any]", key: object, value: object) -> None:
    """Sets a value as the latest one, and drops the oldest beyond ``MAX_REQUESTS_KEPT``."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > MAX_REQUESTS_KEPT:
        table.popitem(last=False)
