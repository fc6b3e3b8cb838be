"""Recordings: JSON Lines of messages as they were on a bus, ours or anybody's."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from stackwire.trace.domain.message import Wire
from stackwire.trace.domain.message_store import Store

LONGEST_LINE = 16 * 1024 * 1024


class Unreadable(Exception):
    """The file is no recording; the message says where, in one line."""


def read(paths: Iterable[Path], store: Store) -> int:
    """Every message of the files into the store, in the order of time. Answers how many there were.

    Raises Unreadable. Understood are: this tracer's own export; lines with ``exchange``, ``routing_key`` or ``keys``
    and ``message`` (the payload) or ``body`` (the envelope); the payloads' time is ``at`` or ``time``, in seconds.
    """
    wires = [wire for path in paths for wire in _wires(path)]
    wires.sort(key=lambda wire: wire.time)
    for wire in wires:
        store.take(lambda wire=wire: wire, wire.size)  # type: ignore[misc]
    store.catch_up()
    return len(wires)


def _wires(path: Path) -> Iterator[Wire]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _wire(line, f"{path}:{number}")
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error


def _wire(line: bytes, where: str) -> Wire:
    if len(line) > LONGEST_LINE:
        raise Unreadable(f"{where}: a line of {len(line)} bytes")
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{where} is not JSON: {error.msg}") from error
    if not isinstance(told, dict) or not isinstance(told.get("exchange"), str):
        raise Unreadable(f"{where} is not a recorded message: it names no exchange")
    payload = _payload(told, where)
    return Wire(
        step=told["step"] if told.get("step") in ("publish", "deliver", "return", "drop") else "publish",
        exchange=told["exchange"],
        routing_key=_key(told),
        queues=tuple(str(queue) for queue in told.get("queues") or ()),
        payload=payload,
        time=_time(told),
        redelivered=bool(told.get("redelivered")),
        size=len(line),
    )


def _payload(told: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The oslo payload: bare, or inside its envelope as an object or as text."""
    payload = next((told[name] for name in ("message", "body", "payload") if name in told), None)
    for _ in range(3):
        if isinstance(payload, str):
            try:
                payload = orjson.loads(payload)
            except orjson.JSONDecodeError:
                break
        if isinstance(payload, dict) and "oslo.message" in payload:
            payload = payload["oslo.message"]
    if not isinstance(payload, dict):
        raise Unreadable(f"{where} is not a recorded message: it has no payload")
    return payload


def _key(told: Mapping[str, Any]) -> str:
    keys = told.get("routing_key", told.get("keys", ""))
    return str(keys[0] if isinstance(keys, list) and keys else "" if isinstance(keys, list) else keys)


def _time(told: Mapping[str, Any]) -> float:
    value = told.get("at", told.get("time", 0.0))
    return float(value) if isinstance(value, int | float) else 0.0
