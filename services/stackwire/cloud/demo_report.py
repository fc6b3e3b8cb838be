"""The result of the demonstration: the properties of each resource, and the differences of an old release."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stackwire.cloud.demo_journey import Record, Stop
from stackwire.core.attributes import attributes
from stackwire.trace.cli.tables import outcome_text, short
from stackwire.trace.domain.message_store import MessageStore

_BYTES = {"checksum", "size", "image_checksum", "image_size"}
_NOT_COMPARED = frozenset(_BYTES | {"user_id", "owner_id", "image_user_id", "image_owner_id"})
"""Properties that differ in any two runs."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The values of a property under two releases; None where it is missing."""

    label: str
    key: str
    then: str | None
    today: str | None

    @property
    def what(self) -> str:
        """The kind of difference, as shown."""
        if self.then is None:
            return "lost"
        return "only then" if self.today is None else "different"


def differences(then: Record, today: Record) -> list[Difference]:
    """The differing properties of all stops; ids are replaced by labels first."""
    before = {stop.label: _settled(then, stop) for stop in then.stops}
    found = []
    for stop in today.stops:
        old, new = before.get(stop.label, {}), _settled(today, stop)
        found += [
            Difference(stop.label, key, old.get(key), new.get(key))
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
    return found


def _settled(record: Record, stop: Stop) -> dict[str, str]:
    """The properties without what differs in any two runs; null as a text."""
    labels = record.labels()
    settled = {}
    for key, value in stop.properties.items():
        text = "null" if value is None else value
        for ident, label in labels.items():
            text = text.replace(ident, f"<{label}>")
        settled[key] = text
    return {key: text for key, text in settled.items() if key not in _NOT_COMPARED}


def show_lineage(out: Console, record: Record, store: MessageStore) -> None:
    """Prints a table per stop: each property with its value, its last change, the rule of that, and its origin."""
    printed = set()
    for stop in record.stops:
        if stop.label in printed or not stop.properties:
            continue
        printed.add(stop.label)
        out.print(_stop_table(stop, store))
        out.print()


def _stop_table(stop: Stop, store: MessageStore) -> Table:
    table = Table(title=f"{stop.label} ({stop.resource.short})", title_justify="left")
    for heading in ("property", "value", "change", "rule", "set by"):
        table.add_column(heading, overflow="fold")
    for key, value in sorted(stop.properties.items()):
        last, origin = store.lineage.set_by(stop.resource, key, until=stop.transfer_count)
        table.add_row(
            Text(key, "bold"),
            short(value) if value is not None else "null",
            Text() if last is None else outcome_text(last.change.outcome, last.change.before, last.change.after),
            "" if last is None else last.transfer.rule,
            origin,
        )
    return table


def show_differences(out: Console, found: Sequence[Difference], then: str, today: str) -> None:
    """Prints the differences as a table."""
    if not found:
        out.print(f"Under the rules of {then} every property is the same as under {today}.")
        return
    table = Table(title=f"The same journey under {then} and under {today}", title_justify="left")
    for heading in ("at", "property", then, today, ""):
        table.add_column(heading, overflow="fold")
    for difference in found:
        table.add_row(
            difference.label,
            Text(difference.key, "bold"),
            _value(difference.then, difference.today),
            _value(difference.today, difference.then),
            Text(difference.what, "red" if difference.what == "lost" else "yellow"),
        )
    out.print(table)


def _value(value: str | None, other: str | None) -> Text:
    if value is None:
        return Text("–", "red")
    size = f" ({len(value)} characters, {len(value.encode())} bytes)" if other and short(value) == short(other) else ""
    return Text(short(value) + size)


def as_json(
    record: Record, store: MessageStore, found: Sequence[Difference], then: str, today: str, image: dict[str, Any]
) -> dict[str, Any]:
    """The whole result, as ``demo --json`` writes it."""
    return {
        "release": today,
        "against": then,
        "image": image,
        "checksums": {
            "uploaded_sha512": record.uploaded_sha512,
            "saved_sha512": record.saved_sha512,
            "equal": record.uploaded_sha512 == record.saved_sha512,
        },
        "steps": record.steps,
        "stops": [
            {"label": stop.label, "resource": stop.resource._asdict(), "properties": stop.properties}
            for stop in record.stops
        ],
        "lineage": [
            {
                "resource": resource._asdict(),
                "properties": [found.as_json() for found in store.lineage.properties_of(resource)],
            }
            for resource in dict.fromkeys(stop.resource for stop in record.stops)
        ],
        "differences": [
            {"at": difference.label, **attributes(difference, "key then today what")} for difference in found
        ],
        "messages": [message.as_json() for message in store.messages()],
    }
