"""The protocol of the house as JSON schemas: ``python -m stackwire.contracts.schema FOLDER`` writes one file a module.

The files are kept with the tests, so that a change of what goes over the bus is seen in the diff that makes it.
"""

import json
import sys
from collections.abc import Set
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import stackwire.contracts
from stackwire.contracts.base import Call, Cast, Contract, Fanout, Message

KINDS: tuple[tuple[str, type[Message]], ...] = (("call", Call), ("cast", Cast), ("fanout", Fanout))
_PLUMBING = frozenset({"asyncapi", "base", "events", "payload", "schema"})


def modules() -> list[str]:
    """The modules that define messages, by name."""
    return sorted(item.name for item in iter_modules(stackwire.contracts.__path__) if item.name not in _PLUMBING)


def protocol(module: str) -> dict[str, Any]:
    """Every message and every other value of one module, by class name, sorted."""
    found = import_module(f"stackwire.contracts.{module}")
    ours = [
        value
        for value in vars(found).values()
        if isinstance(value, type)
        and issubclass(value, Contract)
        and value.__module__ == found.__name__
        and not value.__name__.startswith("_")
        and "[" not in value.__name__  # pydantic leaves its Call[None] in the module that first names it
    ]
    known = {kind.__name__ for kind in ours}
    return {kind.__name__: _described(kind, known) for kind in sorted(ours, key=lambda kind: kind.__name__)}


def _described(kind: type[Contract], known: Set[str]) -> dict[str, Any]:
    """``known`` are described beside it, and not once more inside it."""
    if not issubclass(kind, Message) or not hasattr(kind, "target"):
        return {"value": _alone(kind.model_json_schema(), known)}
    at = kind.target
    described: dict[str, Any] = {
        "kind": next(name for name, base in KINDS if issubclass(kind, base)),
        "exchange": at.exchange,
        "topic": at.topic,
        "namespace": at.namespace,
        "version": at.version,
        "method": kind.method,
        "args": _alone(kind.model_json_schema(), known),
    }
    if issubclass(kind, Call):
        described["result"] = _alone(kind.result.json_schema(mode="serialization"), known)
    return described


def _alone(schema: dict[str, Any], known: Set[str]) -> Any:
    inside = {name: one for name, one in schema.pop("$defs", {}).items() if name not in known}
    return _shape({**schema, "$defs": inside} if inside else schema)


def _shape(schema: Any) -> Any:
    """The schema without its prose: a better docstring is no change of the protocol."""
    if isinstance(schema, list):
        return [_shape(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    prose = ("title", "description")
    return {key: _shape(value) for key, value in schema.items() if not (key in prose and isinstance(value, str))}


def text(module: str) -> str:
    """The file of one module."""
    return json.dumps(protocol(module), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write(folder: Path) -> None:
    """All files; those of modules that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        if stale.stem not in modules():
            stale.unlink()
    for module in modules():
        (folder / f"{module}.json").write_text(text(module), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m stackwire.contracts.schema FOLDER")
    write(Path(sys.argv[1]))
