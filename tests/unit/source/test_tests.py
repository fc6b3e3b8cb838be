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
