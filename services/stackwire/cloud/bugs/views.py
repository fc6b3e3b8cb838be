"""The page of a bug: what was wrong, who learnt it when, how to see it here, a diagram with and without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.cloud.bugs.diagrams import DiagramArrow, as_text, recorded
from stackwire.cloud.bugs.histories import histories
from stackwire.cloud.bugs.scenarios import SCENARIOS, Scenario
from stackwire.core.behaviours import BUG_ALIASES, CURRENT


def found(name: str) -> Scenario | None:
    """By the bug's name or another of its names."""
    return SCENARIOS.get(BUG_ALIASES.get(name.lower(), name))


def view(scenario: Scenario, arrows: Mapping[str, list[DiagramArrow]] | None = None) -> dict[str, Any]:
    """As pages and commands show it; ``arrows`` of both sides, those on file by default."""
    behaviour, history = scenario.behaviour, histories()[scenario.bug]
    arrows = recorded(scenario.bug) if arrows is None else arrows
    return {
        "bug": scenario.bug,
        "aliases": list(behaviour.aliases),
        "service": behaviour.service,
        "affected_releases": scenario.affected_releases,
        "wrong": history.wrong,
        "summary": behaviour.summary,
        "history": [*history.facts, f"source: {behaviour.source}"],
        "link": scenario.link,
        "steps": scenario.story,
        "question": scenario.question.capitalize(),
        "commands": commands(scenario),
        "with_bug": {"outcome": repr(scenario.with_bug), "arrows": arrows["with_bug"]},
        "without_bug": {"outcome": repr(scenario.without_bug), "arrows": arrows["without_bug"]},
    }


def commands(scenario: Scenario) -> list[str]:
    """How to see it here."""
    release = "" if scenario.release == CURRENT else f" --release {scenario.release}"
    return [
        f"stackwire bugs run {scenario.bug}        # the steps, in a cloud with the bug and in one without",
        f"stackwire up{release} --with-bug {scenario.bug}        # a cloud with the bug, to try it by hand",
    ]


def page_lines(scenario: Scenario) -> Sequence[str]:
    """The page as lines of text."""
    found = view(scenario)
    sides = [(found[name]["arrows"], found[name]["outcome"]) for name in ("with_bug", "without_bug")]
    names = ", ".join([found["bug"], *found["aliases"]])
    lines = [
        f"{names} ({found['service']}, {found['affected_releases']})", "", "What was wrong", f"  {found['wrong']}",
        f"  Since the fix: {found['summary']}.", "", "Who learnt it, and when",
        *(f"  {fact}" for fact in found["history"]), *([f"  {found['link']}"] if found["link"] else []), "",
        "See it here", f"  {found['steps']} {found['question']}", *(f"  $ {command}" for command in found["commands"]),
    ]  # fmt: skip
    for title, own, other in (("With the bug", sides[0], sides[1]), ("Without", sides[1], sides[0])):
        lines += ["", f"{title}: {own[1]}", *(f"  {line}" for line in as_text(own[0], other[0]))]
    return lines
