"""What a scenario is: a few steps whose outcome differs with and without an old bug of property travel.

The affected releases are in the table of behaviours (core/behaviour_table.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.cloud.bugs.scenario_client import ScenarioClient
from stackwire.core.behaviour_table import Behaviour
from stackwire.core.behaviours import BUGS, CURRENT, RELEASES

Steps = Callable[[ScenarioClient], Awaitable[Any]]
LINK = "https://bugs.launchpad.net/bugs/{number}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``question``: what the outcome answers; ``with_bug`` and ``without_bug``: the expected outcomes.

    ``release``: the release of both clouds; ``settings``: theirs, by service.
    """

    bug: str
    question: str
    steps: Steps
    with_bug: Any
    without_bug: Any
    release: str
    settings: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour that the bug takes out."""
        return BUGS[self.bug]

    @property
    def affected_releases(self) -> str:
        """The releases that had it, as a text."""
        first, at = self.behaviour.broken_since, RELEASES.index(self.behaviour.since)
        if not at:
            return f"before {RELEASES[0]}"
        last = RELEASES[at - 1]
        if first is None:
            return f"until {last}"
        return f"only {last}" if first == last else f"{first} to {last}"

    @property
    def link(self) -> str | None:
        """The bug's page at Launchpad; None without a number."""
        number = self.bug.removeprefix("lp-")
        return LINK.format(number=number) if number.isdigit() else None

    @property
    def story(self) -> str:
        """The steps as a text."""
        return " ".join((self.steps.__doc__ or "").split())


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    bug: str,
    question: str,
    *,
    with_bug: Any,
    without_bug: Any,
    release: str = CURRENT,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Steps], Steps]:
    """Registers the decorated steps as the scenario of a bug."""

    def register(steps: Steps) -> Steps:
        SCENARIOS[bug] = Scenario(bug, question, steps, with_bug, without_bug, release, settings)
        return steps

    return register
