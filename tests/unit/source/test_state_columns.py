"""A state changes in one place: ``stackwire.db.transitions.transition``."""

import ast
import importlib
import re
from collections.abc import Iterator

from stackwire.db.table import Table
from support.source_code import Module, modules

_UPDATE = re.compile(r"\bUPDATE\s+(\S+)(?:\s+(?:AS\s+)?\w+)?\s+SET\s+(.*?)(?:\bWHERE\b|\bRETURNING\b|\bFROM\b|$)", re.S)
_UPSERT = re.compile(r"\bINSERT\s+INTO\s+(\S+).*?\bDO\s+UPDATE\s+SET\s+(.*?)(?:\bWHERE\b|\bRETURNING\b|$)", re.S)
WRITER = "stackwire.db.table"  # what transition() writes with


def governed() -> dict[str, frozenset[str]]:
    """Each table with a state machine, and its state columns."""
    tables = (
        value
        for module in modules()
        if ".db." in module.name and not module.name.startswith("stackwire.db.")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, Table) and value.states is not None
    )
    return {table.name: table.state_columns for table in tables}


def statements(module: Module) -> Iterator[tuple[int, str]]:
    """Every text in the module; ``{}`` stands for what a formatted one fills in."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_every_service_has_its_states_under_a_machine() -> None:
    assert governed().keys() >= {"images", "tasks", "volumes", "snapshots", "volume_attachment", "instances"}


def test_no_statement_but_the_transition_writes_a_state_column() -> None:
    tables = governed()
    every_column = frozenset().union(*tables.values())
    found = []
    for module in modules():
        if module.name == WRITER:
            continue
        for line, text in statements(module):
            for table, assignments in _UPDATE.findall(text) + _UPSERT.findall(text):
                columns = tables.get(table, every_column if "{" in table else frozenset())
                written = set(re.findall(r"(?:^|,)\s*(\w+)\s*=", assignments)) & columns
                found += [f"{module.place}:{line} writes {table}.{column}" for column in sorted(written)]
    assert found == []
