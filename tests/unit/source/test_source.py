"""What must stand nowhere in the services' code, whatever it is for."""

import ast
import re
from pathlib import Path

import pytest

from support.source_code import nodes

ROOT = Path(__file__).parents[3]
SECRETS = ("token", "password", "passwd", "secret", "signature", "hmac", "proof", "private_key")


def called(node: ast.Call) -> str:
    """The call as it is written: ``os.system``; ``.system`` of what another call returned."""
    parts, function = [], node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    parts.append(function.id if isinstance(function, ast.Name) else "")
    return ".".join(reversed(parts))


def test_there_is_code_to_look_at() -> None:
    assert len({place.partition(":")[0] for place, _ in nodes(ast.Call)}) > 200


def test_no_shell_is_ever_asked() -> None:
    """CVE-2014-0162: text of a user's must not reach one."""
    for place, node in nodes(ast.Call):
        assert called(node) not in {"os.system", "os.popen", "eval", "exec"}, place
        assert not called(node).endswith(("create_subprocess_shell", "getoutput", "getstatusoutput")), place
        for keyword in node.keywords:
            assert keyword.arg != "shell" or ast.unparse(keyword.value) == "False", place


def test_nothing_that_makes_objects_of_bytes_is_used() -> None:
    for place, node in nodes(ast.Call):
        assert not called(node).startswith(("pickle.", "marshal.", "shelve.", "yaml.load", "jsonpickle.")), place


def test_no_secret_is_compared_byte_by_byte() -> None:
    """CVE-2014-3517: how long ``==`` takes tells how much was right. ``hmac.compare_digest`` does not tell."""
    for place, node in nodes(ast.Compare):
        if not any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops):
            continue
        sides = [side for side in (node.left, *node.comparators) if isinstance(side, ast.Name | ast.Attribute)]
        names = [ast.unparse(side).rsplit(".", 1)[-1].lower() for side in sides]
        secret = [name for name in names if any(name == word or name.endswith(f"_{word}") for word in SECRETS)]
        assert not secret, (place, ast.unparse(node))


def test_no_check_is_an_assert() -> None:
    """OSSN-0048: ``python -O`` leaves asserts out. Ours only tell mypy what is known: a type, or that it is there."""
    for place, node in nodes(ast.Assert):
        said = ast.unparse(node.test)
        assert said.startswith("isinstance(") or said.endswith(" is not None"), (place, said)


@pytest.mark.parametrize("layer", ["http/auth.py", "http/middlewares.py", "core/policy.py", "core/tokens.py"])
def test_where_it_is_decided_who_may_do_what_nothing_is_asserted_at_all(layer: str) -> None:
    tree = ast.parse((ROOT / "shared" / "stackwire" / layer).read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def placeholders() -> dict[str, list[set[str]]]:
    """What the message of each error wants to be told: the names in braces of its docstring. Some share a name."""
    classes = [node for _, node in nodes(ast.ClassDef)]
    errors, more = {"ServiceError"}, True
    while more:
        derived = {node.name for node in classes if errors & {ast.unparse(base) for base in node.bases}}
        more = not derived <= errors
        errors |= derived
    found: dict[str, list[set[str]]] = {}
    for node in classes:
        if node.name in errors:
            names = set(re.findall(r"\{(\w+)\}", ast.get_docstring(node) or ""))
            found.setdefault(node.name, []).append(names)
    return found


def test_who_raises_an_error_gives_all_that_its_message_wants() -> None:
    wanted = placeholders()
    assert sum(any(each) for each in wanted.values()) > 50
    for place, node in nodes(ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in wanted and not node.args:
            given = {keyword.arg for keyword in node.keywords}
            assert None in given or any(names <= given for names in wanted[node.func.id]), (place, ast.unparse(node))


EXCEPTION = re.compile(r"# (?:noqa|type: ignore)\b(?!(?:: [A-Z0-9, ]+|\[[a-z, -]+\])?  # \S)")


def test_each_exception_from_a_rule_has_its_reason_beside_it() -> None:
    """``# noqa: S310  # the operator's own URL``."""
    files = [path for part in ("services", "shared", "tests", "deploy") for path in (ROOT / part).rglob("*.py")]
    without = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if EXCEPTION.search(line)
    ]
    assert without == []
