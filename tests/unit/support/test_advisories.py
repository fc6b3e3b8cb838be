"""No advisory is left out in silence."""

import re

from support.advisories import ADVISORIES
from support.bad_input import TESTS

LAST = 69


def test_every_row_is_a_test_or_an_argument() -> None:
    assert [advisory.number for advisory in ADVISORIES] == list(range(1, LAST + 1))
    for advisory in ADVISORIES:
        assert advisory.tests or len(advisory.not_ours.split()) > 3, advisory


def test_the_tests_that_are_named_are_there() -> None:
    for advisory in ADVISORIES:
        for told in advisory.tests:
            file, name = told.split(": ")
            assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE), told


def test_the_tests_of_advisories_are_named() -> None:
    named = {told for advisory in ADVISORIES for told in advisory.tests}
    for path in sorted((TESTS / "flows").glob("test_advisories_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE):
            assert f"flows/{path.name}: {name}" in named
