"""Sequence diagrams of a scenario's two clouds: recorded once, read by commands and pages.

A diagram has what differs between bug and no bug: requests that change something, messages between services, transfers
of properties. Reads, replies, repetitions and what keeps the house are left out, ids too: they differ in any two runs.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from stackwire.core.lineage import compare
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.story import Arrow, Story
from stackwire.trace.domain.wording import message_label

_DRAWN = frozenset({"http", "call", "cast", "fanout", "crossing"})
_ID = re.compile(r"\s?\b[0-9a-f]{8}\b")
CLIENT = "client"
_NOT_DRAWN = ("get_", "list_", "sync_", "update_instance_info", "GET ", "HEAD ")
_SIGNS = {"added": "+", "changed": "~", "truncated": "~", "dropped": "−"}
DiagramArrow = list[Any]


def diagram(store: MessageStore) -> list[DiagramArrow]:
    """Sender, receiver, kind, label and HTTP status of each arrow, in the order of time."""
    stories = [story for story in store.stories() if not (story.is_login or story.is_housekeeping)]
    found = sorted(((arrow, story) for story in stories for arrow in story.arrows), key=lambda pair: pair[0].time)
    return list(_without_repetitions(_arrow(arrow, story, store) for arrow, story in found if _is_drawn(arrow)))


def _is_drawn(arrow: Arrow) -> bool:
    if arrow.kind not in _DRAWN or not arrow.sender or arrow.name.startswith(_NOT_DRAWN):
        return False
    return not (arrow.kind == "http" and arrow.name.endswith("/tokens"))


def _arrow(arrow: Arrow, story: Story, store: MessageStore) -> DiagramArrow:
    label = _ID.sub("", message_label(arrow, story.resources, store.names))
    sender, receiver = (end.split("@")[0].removesuffix(" (all)") for end in (arrow.sender, arrow.receiver))
    if arrow.kind == "crossing":
        receiver, label = sender, f"{label}{_changes(arrow)}"
    return [CLIENT if arrow.kind == "http" and sender == "demo" else sender, receiver, arrow.kind, label, arrow.status]


def _changes(arrow: Arrow) -> str:
    """What a transfer added, changed and did not take along. A guest's definition has names of its own."""
    payload = arrow.payload["payload"]
    if payload["to_kind"] == "guest" or payload["from_kind"] == "client":
        return ""
    found = compare(payload["before"], payload["after"], str(payload.get("prefix", "")))
    by_sign: dict[str, list[str]] = {}
    for change in found:
        if change.outcome in _SIGNS and not (payload.get("partial") and change.after_key is None):
            by_sign.setdefault(_SIGNS[change.outcome], []).append(str(change.after_key or change.key))
    return "".join(f" {sign}{key}" for sign, keys in sorted(by_sign.items()) for key in sorted(keys))


def answer(service: str, outcome: Any) -> DiagramArrow:
    """What the client finds at the end."""
    api = {"image": "glance-api", "volume": "cinder-api", "compute": "nova-api"}[service]
    return [api, CLIENT, "reply", f"found: {outcome!r}", None]


def _without_repetitions(arrows: Iterable[DiagramArrow]) -> Iterator[DiagramArrow]:
    last: DiagramArrow = []
    for arrow in arrows:
        if arrow != last:
            yield arrow
        last = arrow


@cache
def recorded(bug: str) -> dict[str, list[DiagramArrow]]:
    """``with_bug`` and ``without_bug`` of the page on file (``recordings/``, which the tracer serves as they are)."""
    file = files("stackwire.cloud") / "bugs" / "recordings" / f"{bug}.json"
    page = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return {side: page.get(side, {}).get("arrows", []) for side in ("with_bug", "without_bug")}


def as_text(arrows: list[DiagramArrow], other: list[DiagramArrow]) -> list[str]:
    """A line for each arrow; ``*`` before what the other side has not."""
    return [
        f"{'  ' if arrow in other else '* '}{arrow[0]} → {arrow[1]}: {arrow[3]}{f'  {arrow[4]}' if arrow[4] else ''}"
        if arrow[0] != arrow[1]
        else f"{'  ' if arrow in other else '* '}{arrow[0]}: {arrow[3]}"
        for arrow in arrows
    ]
