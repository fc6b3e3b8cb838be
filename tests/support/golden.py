"""Recordings of a real OpenStack, replayed against ours: the same calls in the same order, and every difference found.

A recording (``tests/data/golden/FLOW.json``, ``golden2/FLOW.json.gz``) holds REST exchanges, notifications and the
property rows after the flow, with ids written as ``<name>`` and times, hosts and the like as ``<time>``, ``<host>``.
Ours is put into the same form; a ``<name>`` met for the first time is bound to the id that stands in its place.
"""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from stackwire.compare import normal

DATA = Path(__file__).parent.parent / "data"


def order(journey: str) -> list[str]:
    """The flows of a journey as they were recorded, one after the other."""
    flows: list[str] = json.loads((DATA / journey / "order.json").read_text())
    return flows


ORDER = order("golden")

_KINDS = {"<time>", "<req>", "<hex32>", "<endpoint>", "<int>", "<float>", "<bytes>"}
_NAME = re.compile(r"<[a-z0-9A-Z_.-]+>")


def recording(flow: str, journey: str = "golden") -> dict[str, Any]:
    packed = DATA / journey / f"{flow}.json.gz"
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else (DATA / journey / f"{flow}.json").read_bytes()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


class Names(normal.Names):
    """What the ids of this run are called in the recordings. ``deployment``: the keys whose values are not compared."""

    deployment: ClassVar[frozenset[str]] = frozenset(normal.DEPLOYMENT)

    def id_of(self, name: str) -> str | None:
        return next((ident for ident, known in self.by_id.items() if known == name), None)

    def forget_strangers(self) -> None:
        """``<uuid0>`` and the like are numbered anew in each flow."""
        self.by_id = {ident: name for ident, name in self.by_id.items() if not name.startswith("<uuid")}

    def unknown(self, text: str) -> bool:
        """True when the text names a resource this run has not met."""
        named = {name for name in _NAME.findall(text) if name not in _KINDS}
        return bool(named - set(self.by_id.values()))

    def fill(self, value: Any) -> Any:
        """A recorded request with this run's ids in place of the names."""
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, str):
            return _NAME.sub(lambda m: self.id_of(m.group()) or m.group(), value)
        return value

    def learn(self, recorded: Any, ours: Any) -> None:
        """Binds each ``<name>`` that stands where we have an id not met before."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key in recorded.keys() & ours.keys():
                self.learn(recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in zip(recorded, ours, strict=False):
                self.learn(one, other)
        elif isinstance(recorded, list) and isinstance(ours, str) and ours.startswith("["):
            self.learn(recorded, json.loads(ours))  # a list that is stored as text
        elif isinstance(recorded, str) and isinstance(ours, str) and _NAME.fullmatch(recorded):
            known = recorded in self.by_id.values() or ours in self.by_id
            general = recorded in _KINDS or recorded.strip("<>") in self.deployment
            if not (known or general) and re.fullmatch(normal.UUID, ours):
                self.bind(recorded, ours)

    def plain(self, text: str) -> str:
        """A stored value with names for ids, and nothing else made equal but bare hashes and strangers' ids."""
        for ident, name in self.by_id.items():
            text = text.replace(ident, name)
        return re.sub(normal.UUID, "<uuid>", normal.PATTERNS[1][0].sub("<hex32>", text))


def differences(where: str, recorded: Any, ours: Any) -> Iterator[str]:
    """Every place where ours is not as recorded, as ``path: what``."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in sorted(recorded.keys() | ours.keys()):
            if key not in ours:
                yield f"{where}.{key}: missing, recorded {_short(recorded[key])}"
            elif key not in recorded:
                yield f"{where}.{key}: not in the recording, ours {_short(ours[key])}"
            else:
                yield from differences(f"{where}.{key}", recorded[key], ours[key])
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield f"{where}: {len(recorded)} items recorded, ours {len(ours)}"
        for at, (one, other) in enumerate(zip(recorded, ours, strict=False)):
            yield from differences(f"{where}[{at}]", one, other)
    elif type(recorded) is not type(ours) or recorded != ours:
        yield f"{where}: recorded {_short(recorded)}, ours {_short(ours)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:120] + "..."


def event_differences(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Iterator[str]:
    """The order of event types for each resource, then the n-th event of its kind against the n-th."""
    orders = (_orders(recorded), _orders(ours))
    for resource in sorted(orders[0].keys() | orders[1].keys()):
        yield from differences(f"order[{resource}]", orders[0].get(resource, []), orders[1].get(resource, []))
    kinds = (_kinds(recorded), _kinds(ours))
    for kind in sorted(kinds[0].keys() & kinds[1].keys()):
        for at, (one, other) in enumerate(zip(kinds[0][kind], kinds[1][kind], strict=False)):
            yield from differences(f"{kind}#{at}", one, other)


def _orders(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    orders: dict[str, list[str]] = defaultdict(list)
    for event in events:
        orders[f"{event['routing_key']} {resource_of(event['payload'])}"].append(event["event_type"])
    return orders


def resource_of(payload: Any) -> str:
    if not isinstance(payload, Mapping):
        return "-"
    data = payload.get("nova_object.data", payload)
    keys = ("instance_id", "uuid", "snapshot_id", "volume_id", "image_id", "id")
    return next((str(data[key]) for key in keys if data.get(key)), "-")


def _kinds(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        topic = event["routing_key"].split(".")[0]
        kinds[f"{topic}/{event['event_type']} {resource_of(event['payload'])}"].append(event)
    return kinds


@dataclass(frozen=True)
class Allowance:
    """A row of the compatibility page: a difference we mean to have, and why."""

    flow: str
    where: str
    reason: str

    def covers(self, flow: str, difference: str) -> bool:
        return fnmatchcase(flow, self.flow) and fnmatchcase(difference, self.where)


def allowances(page: Path, heading: str) -> list[Allowance]:
    """The rows of the table of differences under that heading: flow, difference (both with ``*``), reason."""
    rows = []
    section = page.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3 and cells[0].startswith("`") and cells[1].startswith("`"):
            # In fnmatch "[" opens a set; on the page it stands for itself.
            where = cells[1].strip("`").replace("[", "[[]")
            rows.append(Allowance(cells[0].strip("`"), where, cells[2]))
    return rows
