"""Limits that keep a file readable, and imports that go one way."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from support.source_code import Function, Module, modules

LONGEST_FUNCTION = 40  # lines
LONGEST_FILE = 300  # lines
MOST_COMPLEX = 12  # branches through one function, counted as radon counts them
MOST_FORMATTING_EXCEPTIONS = 10  # lines that a formatter may not touch, in each service
_BRANCHES = ast.If | ast.IfExp | ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler | ast.comprehension | ast.Assert


def _is_table(function: Function) -> bool:
    """One returned literal, however long: a table that stands in a function because it needs arguments."""
    body = [node for node in function.body if not isinstance(node, ast.Expr)]
    return len(body) == 1 and isinstance(body[0], ast.Return) and isinstance(body[0].value, ast.List | ast.Dict)


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{module.place}:{function.lineno} {function.name}: {function.end_lineno - function.lineno + 1}"
        for module in modules()
        for function in module.functions()
        if function.end_lineno is not None
        and function.end_lineno - function.lineno >= LONGEST_FUNCTION
        and not _is_table(function)
    ]
    assert long == []


def test_no_file_is_too_long_to_know() -> None:
    lines = {module.place: len(module.path.read_text().splitlines()) for module in modules()}
    assert {place: count for place, count in lines.items() if count > LONGEST_FILE} == {}


def _own(function: Function) -> Iterator[ast.AST]:
    """Every node of the function that is not a function of its own."""
    stack: list[ast.AST] = [*function.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            stack += ast.iter_child_nodes(node)


def _complexity(function: Function) -> int:
    """1, and one more for each branch, loop, handler, comprehension (with its conditions) and ``and`` or ``or``."""
    total = 1
    for node in _own(function):
        if isinstance(node, _BRANCHES):
            total += 1 + (len(node.ifs) if isinstance(node, ast.comprehension) else 0)
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.Match):
            total += len(node.cases)
    return total


def test_no_function_has_too_many_branches() -> None:
    complex_ones = [
        f"{module.place}:{function.lineno} {function.name}: {_complexity(function)}"
        for module in modules()
        for function in module.functions()
        if _complexity(function) > MOST_COMPLEX
    ]
    assert complex_ones == []


def test_the_formatter_is_overruled_rarely() -> None:
    counts: dict[str, int] = {}
    for module in modules():
        counts[module.service] = counts.get(module.service, 0) + module.path.read_text().count("fmt: skip")
    assert {service: count for service, count in counts.items() if count > MOST_FORMATTING_EXCEPTIONS} == {}


def _imports(module: Module, names: frozenset[str]) -> set[str]:
    """The modules it imports anywhere, for type checking too."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in names else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return (found & names) - {module.name}


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = frozenset(module.name for module in modules() if not _is_empty(module.path))
    graph = {module.name: _imports(module, names) for module in modules() if module.name in names}
    while free := [name for name, imported in graph.items() if not imported & graph.keys()]:
        for name in free:
            del graph[name]
    assert sorted(graph) == []


def _is_empty(path: Path) -> bool:
    return path.stat().st_size == 0


def test_what_a_function_says_of_itself_stands_first_in_it() -> None:
    """A text after other statements is none of its docstring; after an assignment it says what was assigned."""
    misplaced = [
        f"{module.place}:{node.lineno} {function.name}"
        for module in modules()
        for function in module.functions()
        for before, node in pairwise(function.body)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and not isinstance(before, ast.Assign | ast.AnnAssign)
    ]
    assert misplaced == []
