"""A test that asserts nothing proves nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[2]
FILES = sorted(TESTS.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _called(function: Function) -> set[str]:
    """The last part of each name that is called: ``ok`` of ``answer.ok(200)``."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {ast.unparse(call).rpartition(".")[2] for call in calls}


def _asserts(function: Function) -> bool:
    return bool(_called(function) & {"raises", "warns", "fail", "expect"}) or any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Raise) and "AssertionError" in ast.unparse(node))
        for node in ast.walk(function)
    )


def test_every_test_asserts_something() -> None:
    """Itself, or by a helper that does, however deep."""
    functions = [(path, function) for path in FILES for function in _functions(ast.parse(path.read_text()))]
    helpers = {function.name: function for _, function in functions if not function.name.startswith("test_")}
    asserting = {name for name, function in helpers.items() if _asserts(function)}
    while more := {name for name, function in helpers.items() if _called(function) & asserting} - asserting:
        asserting |= more
    without = [
        f"{path.relative_to(TESTS)}:{function.lineno} {function.name}"
        for path, function in functions
        if function.name.startswith("test_") and not _asserts(function) and not _called(function) & asserting
    ]
    assert without == []


WAITING = frozenset({"support", "bench", "peers"})
"""Folders whose files may sleep: helpers that wait, benchmarks, peers that are slow on purpose."""


def test_no_test_sleeps() -> None:
    sleeping = [
        f"{path.relative_to(TESTS)}:{node.lineno}"
        for path in FILES
        if not WAITING.intersection(path.parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("asyncio.sleep", "time.sleep", "sleep")
    ]
    assert sleeping == []


def test_flows_open_no_connection_of_their_own() -> None:
    """They read rows by ``cloud.rows``, where rows are the subject."""
    connecting = [path.name for path in (TESTS / "flows").glob("*.py") if "asyncpg.connect" in path.read_text()]
    assert connecting == []
