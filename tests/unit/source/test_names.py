"""The house speaks OpenStack's, PostgreSQL's and Python's language; the dialect it once had does not come back.

The glossary in ``shared/README.md`` has the word to use instead.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from support.source_code import Module, modules, words_of

DIALECT = """
told tell tells teller telling say says said saying hear hears heard ears wish wishes wished ask asks asked asker asking
seen shown sight made promise promised patience silence silent life gone homeless hands mend forsake alone overtaken
neighbour neighbours bringing spreading beat left came comes becomes voice voices speaker speakers news noun nouns spot
gate gaps turn turns leg legs hop hops lane lanes museum visitor visitors exhibit exhibits keeper judge mine ours theirs
verdict verdicts crossing crossed crossings standing
"""
ALLOWED = frozenset({"noun", "Gone", "last_seen_up", "connection_made"})
"""``Machine.noun``: what a state machine and a lease are about; ``Gone``: HTTP 410; ``last_seen_up``: Nova's own;
``connection_made``: that of asyncio's protocols."""


def _names(module: Module) -> Iterator[tuple[int, str]]:
    """Names of the module, its classes, functions and parameters, and of what it assigns."""
    yield 0, module.path.stem
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def test_no_identifier_is_in_dialect() -> None:
    dialect = frozenset(DIALECT.split())
    found = [
        f"{module.place}:{line} {name}"
        for module in modules()
        for line, name in _names(module)
        if name not in ALLOWED and dialect.intersection(words_of(name))
    ]
    assert found == []


def _bounds(module: Module) -> Iterator[tuple[str, str]]:
    """Names in capitals that the module gives a number, a computation on numbers, or a duration."""
    for node in module.tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or not target.id.isupper() or not isinstance(value, ast.expr):
            continue
        text = ast.unparse(value)
        if text.startswith("timedelta(") or re.fullmatch(r"[\d\s.*+()/-]+", text):
            yield target.id.lstrip("_"), text


def test_a_constant_has_one_meaning_in_the_whole_house() -> None:
    values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module in modules():
        for name, value in _bounds(module):
            values[name][value].append(module.name)
    ambiguous = {name: dict(meanings) for name, meanings in values.items() if len(meanings) > 1}
    assert ambiguous == {}
