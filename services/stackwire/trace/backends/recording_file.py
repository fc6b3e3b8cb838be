"""Recordings: JSON Lines of messages as they were on a bus, this one or any other."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from stackwire.trace.domain.message import WireMessage
from stackwire.trace.domain.message_store import MessageStore

VERSION = 1
"""Of the format that ``Recorder`` writes (trace/README.md)."""
MAX_LINE_BYTES = 16 * 1024 * 1024


class RecordingError(Exception):
    """The file is no recording; the message says where, in one line."""


class Recorder:
    """Writes a recording: a line that names the format, then each message as the tracer's API returns it, without
    secrets. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._path = path

    def __enter__(self) -> "Recorder":
        self._file = self._path.open("wb")
        self._file.write(orjson.dumps({"recording": "stackwire", "version": VERSION}) + b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, message: Mapping[str, Any]) -> None:
        """One message, on the disk when it returns: a recording that is interrupted is whole."""
        self._file.write(orjson.dumps(message) + b"\n")
        self._file.flush()
        self.count += 1


def read_recordings(paths: Iterable[Path], store: MessageStore) -> int:
    """Adds every message of the files to the store, in the order of time; returns their number.

    Raises RecordingError. The formats are: this tracer's own export; lines with ``exchange``, ``routing_key`` or
    ``keys``, and ``message`` (the payload) or ``body`` (the envelope); the time is ``at`` or ``time``, in seconds.
    """
    wires = [wire for path in paths for wire in _wires(path)]
    wires.sort(key=lambda wire: wire.time)
    for wire in wires:
        store.add(lambda wire=wire: wire, wire.size)  # type: ignore[misc]  # mypy cannot type a bound default
    store.catch_up()
    return len(wires)


def _wires(path: Path) -> Iterator[WireMessage]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1 and line.startswith(b'{"recording"'):
                    _check_version(line, path)
                elif line.strip():
                    yield _wire(line, f"{path}:{number}")
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from error


def _check_version(line: bytes, path: Path) -> None:
    try:
        version = orjson.loads(line).get("version")
    except orjson.JSONDecodeError:
        version = None
    if version != VERSION:
        raise RecordingError(f"{path} is a recording of version {version}, and {VERSION} is what is read here")


def _wire(line: bytes, where: str) -> WireMessage:
    if len(line) > MAX_LINE_BYTES:
        raise RecordingError(f"{where}: a line of {len(line)} bytes")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordingError(f"{where} is not JSON: {error.msg}") from error
    if not isinstance(record, dict) or not isinstance(record.get("exchange"), str):
        raise RecordingError(f"{where} is not a recorded message: it names no exchange")
    payload = _payload(record, where)
    return WireMessage(
        step=record["step"] if record.get("step") in ("publish", "deliver", "return", "drop") else "publish",
        exchange=record["exchange"],
        routing_key=_key(record),
        queues=tuple(str(queue) for queue in record.get("queues") or ()),
        payload=payload,
        time=_time(record),
        redelivered=bool(record.get("redelivered")),
        size=len(line),
        headers=record,
        ends=_ends(record),
    )


def _payload(record: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The oslo payload: bare, or inside its envelope as an object or as text."""
    payload = next((record[name] for name in ("message", "body", "payload") if name in record), None)
    for _ in range(3):
        if isinstance(payload, str):
            try:
                payload = orjson.loads(payload)
            except orjson.JSONDecodeError:
                break
        if isinstance(payload, dict) and "oslo.message" in payload:
            payload = payload["oslo.message"]
    if not isinstance(payload, dict):
        raise RecordingError(f"{where} is not a recorded message: it has no payload")
    return payload


def _key(record: Mapping[str, Any]) -> str:
    keys = record.get("routing_key", record.get("keys", ""))
    return str(keys[0] if isinstance(keys, list) and keys else "" if isinstance(keys, list) else keys)


def _time(record: Mapping[str, Any]) -> float:
    value = record.get("at", record.get("time", 0.0))
    return float(value) if isinstance(value, int | float) else 0.0


def _ends(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """Sender and receiver as the tracer knew them when it recorded; another bus's recording has none."""
    sender, receiver = record.get("sender"), record.get("receiver")
    return (sender, receiver) if isinstance(sender, str) and isinstance(receiver, str) else None
