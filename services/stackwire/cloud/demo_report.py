"""What the demonstration shows at its end: every property at every stop, and what an old release did otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stackwire.cloud.demo_journey import Record, Stop
from stackwire.trace.cli.tables import outcome_text, short
from stackwire.trace.domain.message_store import MessageStore

# Facts about the bytes, and about one run: they are no news about properties.
_OF_THIS_RUN = frozenset({"checksum", "size", "image_checksum", "image_size"})


@dataclass(frozen=True, slots=True)
class Difference:
    """``then`` and ``today``: the values under either release; None where there was no such property."""

    label: str
    key: str
    then: str | None
    today: str | None

    @property
    def what(self) -> str:
        if self.then is None:
            return "lost"
        return "only then" if self.today is None else "different"


def differences(then: Record, today: Record) -> list[Difference]:
    """Stop by stop, property by property; ids of the run are made equal first."""
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
    """The properties without what differs from run to run; a null is the text it would be shown as."""
    labels = record.labels()
    settled = {}
    for key, value in stop.properties.items():
        text = "null" if value is None else value
        for ident, label in labels.items():
            text = text.replace(ident, f"<{label}>")
        settled[key] = text
    return {key: text for key, text in settled.items() if key not in _OF_THIS_RUN and key not in _PEOPLE}


_PEOPLE = frozenset({"user_id", "owner_id", "image_user_id", "image_owner_id"})


def show_lineage(out: Console, record: Record, store: MessageStore) -> None:
    """For every stop a table: each property, its value, what the crossing to here did by which rule, who set it."""
    shown = set()
    for stop in record.stops:
        if stop.label in shown or not stop.properties:
            continue
        shown.add(stop.label)
        out.print(_stop_table(stop, store))
        out.print()


def _stop_table(stop: Stop, store: MessageStore) -> Table:
    table = Table(title=f"{stop.label} ({stop.resource.short})", title_justify="left")
    for heading in ("property", "value", "change", "rule", "set by"):
        table.add_column(heading, overflow="fold")
    for key, value in sorted(stop.properties.items()):
        last, who = store.lineage.set_by(stop.resource, key, until=stop.hop)
        table.add_row(
            Text(key, "bold"),
            short(value) if value is not None else "null",
            Text() if last is None else outcome_text(last.change.outcome, last.change.before, last.change.after),
            "" if last is None else last.transfer.rule,
            who,
        )
    return table


def show_differences(out: Console, found: Sequence[Difference], then: str, today: str) -> None:
    """Side by side, both of them run."""
    if not found:
        out.print(f"Under the rules of {then} every property goes the same way as under {today}.")
        return
    table = Table(title=f"The same journey under {then} and under {today}", title_justify="left")
    for heading in ("at", "property", then, today, ""):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(
            one.label,
            Text(one.key, "bold"),
            _value(one.then, one.today),
            _value(one.today, one.then),
            Text(one.what, "red" if one.what == "lost" else "yellow"),
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
    """Everything, machine-readable."""
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
            {"at": one.label, "key": one.key, "then": one.then, "today": one.today, "what": one.what} for one in found
        ],
        "messages": [message.as_json() for message in store.messages()],
    }
