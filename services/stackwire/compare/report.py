"""What two clouds differ in, as text, JSON or JUnit."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from stackwire.compare.comparison import Case, Difference

MAX_VALUE_CHARACTERS = 100


def as_text(a: str, b: str, cases: Sequence[Case]) -> str:
    """By flow: the differences, each with its kind; then how many of each kind."""
    lines = list(_headed(a, b, cases))
    kinds = Counter(each.kind for case in cases for each in case.differences)
    compared = [case for case in cases if not case.skipped]
    unequal = sum(1 for case in compared if case.differences)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    lines.append(f"{len(compared)} asked of {a} and {b}, {unequal} differ" + (f" ({counts})" if counts else ""))
    return "\n".join(lines) + "\n"


def _headed(a: str, b: str, cases: Sequence[Case]) -> Iterator[str]:
    for case in cases:
        if case.differences:
            yield f"{case.part} {case.name}"
            yield from (f"  {each.kind}: {_line(a, b, each)}" for each in case.differences)
    for reason in dict.fromkeys(case.skipped for case in cases if case.skipped):
        names = ", ".join(case.name for case in cases if case.skipped == reason)
        yield f"not asked, since {reason}: {names}"


def as_json(a: str, b: str, cases: Sequence[Case]) -> str:
    """``{"clouds": [A, B], "equal": ..., "cases": [...]}``; every case, also the equal ones."""
    found = [
        {
            "part": case.part,
            "name": case.name,
            **({"skipped": case.skipped} if case.skipped else {}),
            "differences": [
                {"kind": each.kind, "where": each.where, "a": each.a, "b": each.b} for each in case.differences
            ],
        }
        for case in cases
    ]
    whole = {"clouds": [a, b], "equal": not any(case.differences for case in cases), "cases": found}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def as_junit(a: str, b: str, cases: Sequence[Case]) -> str:
    """A suite for each part, a test case for each flow or table; a failure lists the differences."""
    parts = dict.fromkeys(case.part for case in cases)
    suites = "".join(_suite(part, a, b, [case for case in cases if case.part == part]) for part in parts)
    heading = f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name={quoteattr(f"{a} and {b}")}>'
    return f"{heading}\n{suites}</testsuites>\n"


def _suite(part: str, a: str, b: str, cases: Sequence[Case]) -> str:
    failures, skipped = (sum(1 for case in cases if found(case)) for found in (_fails, lambda case: case.skipped))
    counts = f'tests="{len(cases)}" failures="{failures}" skipped="{skipped}"'
    body = "".join(f"{_testcase(part, a, b, case)}\n" for case in cases)
    return f"<testsuite name={quoteattr(part)} {counts}>\n{body}</testsuite>\n"


def _fails(case: Case) -> bool:
    return bool(case.differences)


def _testcase(part: str, a: str, b: str, case: Case) -> str:
    start = f"<testcase classname={quoteattr(part)} name={quoteattr(case.name)}"
    if case.skipped:
        return f"{start}><skipped message={quoteattr(case.skipped)}/></testcase>"
    if not case.differences:
        return f"{start}/>"
    kinds = ", ".join(sorted({each.kind for each in case.differences}))
    text = escape("\n".join(f"{each.kind}: {_line(a, b, each)}" for each in case.differences))
    return f"{start}><failure type={quoteattr(kinds)}>{text}</failure></testcase>"


def _line(a: str, b: str, each: Difference) -> str:
    return f"{each.where}: {a} {_short(each.a)}, {b} {_short(each.b)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(
        letter if letter.isprintable() else "?" for letter in text
    )  # XML has no place for control characters
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "..."
