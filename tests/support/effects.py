"""What a request changes: its answer, the rows of every service and the messages on the bus, as paths with values."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compare.fixtures import PLACEHOLDER, Fixtures
from stackwire.compare.request import VALID, Request, Variant, variants
from stackwire.compare.runner import send, undo
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.cloud import TestCloud

TABLES = (
    "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables"
    " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
)
UNSEEN = {"outbox", "leases", "services", "schema_migrations"}
"""Tables that change by themselves, or hold what the bus shows."""

SETTLED_SECONDS = 120.0
"""An upload of a whole volume takes long on a machine that does other things too."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_NOTHING = object()
Effect = Mapping[str, Any]
"""Where something changed, as ``compute.instances[0].hostname``, to what."""


class Effects:
    """Of requests to one cloud that nobody else uses."""

    def __init__(self, cloud: TestCloud, fixtures: Fixtures) -> None:
        self._cloud = cloud
        self._fixtures = fixtures
        self._messages: list[tuple[str, Any]] = []

    def on_wire_record(self, record: WireRecord) -> None:
        """Keeps each message, by its name."""
        if record.kind == "publish" and not record.routing_key.startswith("reply_"):
            message = unwrap(record.body, record.properties)
            name = str(message.get("method") or message.get("event_type") or "reply")
            self._messages.append((name, message.get("args") or message.get("payload")))

    async def of(self, request: Request, variant: Variant) -> Effect:
        """What this form of the request changes; what it works on is new, and is taken away afterwards.

        A refusal is an effect too: what is refused, here where the recorded cloud did not, is not ignored.
        """
        await self._fixtures.discard(*PLACEHOLDER.findall(request.path))
        await self._fixtures.filled(request.path)
        await self._fixtures.filled(request.body)
        await self._cloud.settle(SETTLED_SECONDS)
        before = await self._rows()
        self._messages.clear()
        answer = await send(request, variant, request.versions[-1], self._fixtures)
        accepted = answer.status in range(200, 300)
        assert accepted or variant.field != VALID, (request.name, answer.status, answer.json)
        await self._cloud.settle(SETTLED_SECONDS)
        found = {"answer": answer.json, "bus": _grouped(self._messages), **_new(before, await self._rows())}
        if accepted:
            await undo(request, request.versions[-1], answer, self._fixtures)
        return dict(_flat(found))

    async def without_effect(self, request: Request, values: Mapping[str, Sequence[str]]) -> list[str]:
        """The fields of which no accepted value changes anything. Two valid requests show what always differs."""
        forms = {(each.field, each.value): each for each in variants(request)}
        valid = [await self.of(request, forms[VALID, VALID]) for _ in range(2)]
        stable = {
            path for path, value in valid[0].items() if valid[1].get(path, _NOTHING) == value and not _is_time(value)
        }

        async def changes_something(field: str, value: str) -> bool:
            effect = await self.of(request, forms[field, value])
            added = effect.keys() - valid[0].keys() - valid[1].keys()
            return bool(added) or any(path not in effect or effect[path] != valid[0][path] for path in stable)

        idle: list[str] = []
        for field, accepted in values.items():
            for value in accepted:
                if await changes_something(field, value):
                    break
            else:
                idle.append(f"{field} ({', '.join(accepted)})")
        return idle

    async def _rows(self) -> dict[str, Counter[str]]:
        """Every row as JSON, by table."""
        found: dict[str, Counter[str]] = {}
        for service in self._cloud.cloud.services:
            for table in await self._cloud.rows(service, TABLES):
                name = table["name"]
                if name.split(".")[1] not in UNSEEN:
                    rows = await self._cloud.rows(service, f"SELECT to_jsonb(t) AS row FROM {name} AS t")
                    found[name] = Counter(json.dumps(row["row"], default=str) for row in rows)
        return found


def _is_time(value: Any) -> bool:
    """Two of these may be equal by chance."""
    return isinstance(value, str) and _TIME.search(value) is not None


def _new(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]]) -> dict[str, Any]:
    """The rows that were not there, by table, in an order that does not hang on their ids."""
    return {name: [json.loads(row) for row in sorted(rows - before[name], key=len)] for name, rows in after.items()}


def _grouped(messages: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for name, content in messages:
        groups.setdefault(name, []).append(content)
    return groups


def _flat(node: Any, path: str = "") -> list[tuple[str, Any]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [each for key, child in children for each in _flat(child, f"{path}.{key}")]
    return found or [(path, node)]
