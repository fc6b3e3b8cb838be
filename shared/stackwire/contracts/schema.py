"""The protocol of the services as JSON schemas: ``python -m stackwire.contracts.schema FOLDER`` writes one file a
module.

The files are kept with the tests, so that a change of the protocol is visible in the diff that makes it.
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
from stackwire.core.attributes import attributes

KINDS: tuple[tuple[str, type[Message]], ...] = (("call", Call), ("cast", Cast), ("fanout", Fanout))
_PLUMBING = frozenset({"asyncapi", "base", "events", "payload", "schema"})


def modules() -> list[str]:
    """The modules that define messages, by name."""
    return sorted(item.name for item in iter_modules(stackwire.contracts.__path__) if item.name not in _PLUMBING)


def protocol(module: str) -> dict[str, Any]:
    """Every message and every other value of one module, by class name, sorted."""
    found = import_module(f"stackwire.contracts.{module}")
    contracts = [
        value
        for value in vars(found).values()
        if isinstance(value, type)
        and issubclass(value, Contract)
        and value.__module__ == found.__name__
        and not value.__name__.startswith("_")
        and "[" not in value.__name__  # pydantic leaves its Call[None] in the module that first names it
    ]
    known = {kind.__name__ for kind in contracts}
    return {kind.__name__: _described(kind, known) for kind in sorted(contracts, key=lambda kind: kind.__name__)}


def _described(kind: type[Contract], known: Set[str]) -> dict[str, Any]:
    """One message or value; definitions of ``known`` classes are left out, since they have entries of their own."""
    if not issubclass(kind, Message) or not hasattr(kind, "target"):
        return {"value": _without_known(kind.model_json_schema(), known)}
    at = kind.target
    described: dict[str, Any] = {
        "kind": next(name for name, base in KINDS if issubclass(kind, base)),
        **attributes(at, "exchange topic namespace version"),
        "method": kind.method,
        "args": _without_known(kind.model_json_schema(), known),
    }
    if issubclass(kind, Call):
        described["result"] = _without_known(kind.result.json_schema(mode="serialization"), known)
    return described


def _without_known(schema: dict[str, Any], known: Set[str]) -> Any:
    inside = {name: definition for name, definition in schema.pop("$defs", {}).items() if name not in known}
    return _shape({**schema, "$defs": inside} if inside else schema)


def _shape(schema: Any) -> Any:
    """The schema without titles and descriptions: a docstring is not part of the protocol."""
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
    """Writes all files, and removes those of modules that do not exist."""
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
