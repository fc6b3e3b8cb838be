"""The services' code as syntax trees, for the tests that hold it to the rules of the house."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Module:
    """One file. ``name`` is the dotted name it is imported by."""

    path: Path
    name: str
    tree: ast.Module

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def service(self) -> str:
        """The second part of its name: ``volume`` of ``stackwire.volume.db.volumes``."""
        return self.name.split(".")[1]

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of services and shared."""
    found = []
    for source in ("services", "shared"):
        for path in sorted((ROOT / source / "stackwire").rglob("*.py")):
            parts = path.relative_to(ROOT / source).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            found.append(Module(path, name, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


@cache
def nodes(kind: type[Node]) -> tuple[tuple[str, Node], ...]:
    """Every node of the kind, with the place where it stands."""
    return tuple(
        (f"{module.place}:{getattr(node, 'lineno', 0)}", node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, kind)
    )


def words_of(identifier: str) -> list[str]:
    """``CreateVolume`` and ``create_volume`` are both create, volume."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", identifier).lower().strip("_").split("_")
