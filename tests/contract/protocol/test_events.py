"""Payloads of events: what a real OpenStack told is what the contracts say, and nothing is told that they do not."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from stackwire.contracts.events import EVENTS
from support.event_contracts import violations
from support.golden import ORDER, order, recording
from support.golden_payloads import wire_payload

SERVICES = Path(__file__).parents[3] / "services" / "stackwire"
QUIET = {"image_list", "volume_image_metadata"}
UNTOLD = {"volume_type.create", "volume_type_extra_specs.create", "volume_type_encryption.create", "group_type.create"}
"""What Cinder tells, and our volume service does not: changes of types (COMPATIBILITY.md)."""
PLACES = {"Event": None, "self._event": 0, ".emit": 2, ".emit_versioned": 2}
"""Calls that are given an event type: at which place, if not by name."""


def told(event: dict[str, Any], payload: Any) -> list[str]:
    topic = event["routing_key"].partition(".")[0]
    return list(violations(event["exchange"], topic, event["event_type"], event["priority"], payload))


@pytest.mark.parametrize("flow", ORDER)
def test_what_was_recorded_is_what_the_contracts_say(flow: str) -> None:
    events = recording(flow)["events"]
    assert events or flow in QUIET
    for event in events:
        assert told(event, wire_payload(event)) == []


@pytest.mark.parametrize("flow", order("golden2"))
def test_what_was_recorded_the_second_time_is_what_the_contracts_say(flow: str) -> None:
    for event in recording(flow, "golden2")["events"]:
        if event["event_type"] not in UNTOLD:
            assert told(event, wire_payload(event)) == []


@pytest.mark.parametrize("flow", ["server_from_image", "volume_from_image", "image_create_upload"])
def test_a_key_more_or_less_or_of_another_type_is_noticed(flow: str) -> None:
    for event in recording(flow)["events"]:
        payload = wire_payload(event)
        data = payload.get("nova_object.data", payload)
        first = next(iter(data))
        for odd in ({**data, "odd": 1}, {key: data[key] for key in data if key != first}, {**data, first: ()}):
            changed = {**payload, "nova_object.data": odd} if data is not payload else odd
            assert told(event, changed), (event["event_type"], odd)


def test_an_object_of_another_name_or_version_is_noticed() -> None:
    event = next(e for e in recording("server_from_image")["events"] if e["event_type"] == "instance.update")
    for key in ("name", "namespace", "version"):
        payload = deepcopy(wire_payload(event))
        payload["nova_object.data"]["flavor"][f"nova_object.{key}"] = "0.9"
        assert "not an object FlavorPayload 1.4" in told(event, payload)[0]


def test_an_event_without_a_contract_is_noticed() -> None:
    assert "no such event" in next(violations("glance", "notifications", "image.painted", "INFO", {}))
    assert "no such event" in next(violations("glance", "notifications", "image.create", "ERROR", {}))


def event_types() -> Iterator[tuple[str, str]]:
    """Every event type in the services' code, as a pattern, with its place. Their parts are ``Literal``: for mypy."""
    for service in ("image", "volume", "compute"):
        for path in sorted((SERVICES / service).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                for kind, at in PLACES.items():
                    if isinstance(node, ast.Call) and _named(node, kind):
                        given = {keyword.arg: keyword.value for keyword in node.keywords}
                        value = given.get("event_type") or (None if at is None else node.args[at])
                        if isinstance(value, ast.Constant | ast.JoinedStr):
                            yield f"{path.relative_to(SERVICES)}:{node.lineno}", _pattern(value)


def _named(node: ast.Call, kind: str) -> bool:
    name = ast.unparse(node.func)
    return name.endswith(kind) if kind.startswith(".") else name == kind


def _pattern(value: ast.Constant | ast.JoinedStr) -> str:
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w.]+" for part in parts)


def test_no_event_type_in_the_code_is_unknown() -> None:
    known = {told.event_type for told in EVENTS}
    found = dict(event_types())
    assert len(found) > 15
    unknown = {place: kind for place, kind in found.items() if not any(re.fullmatch(kind, name) for name in known)}
    assert unknown == {}
