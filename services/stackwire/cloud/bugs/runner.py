"""Runs a scenario in two clouds, one with the bug and one without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwire.cloud import demo_cloud
from stackwire.cloud.bugs.diagrams import DiagramArrow, answer, diagram
from stackwire.cloud.bugs.scenario_client import ScenarioClient
from stackwire.cloud.bugs.scenarios import Scenario
from stackwire.cloud.client import logged_in
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.core.errors import NotFound
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource
from stackwire.trace.flows import queries


@dataclass(frozen=True, slots=True)
class CloudResult:
    """The result in one cloud: the outcome of the steps, the lineage of the resources they created, the messages."""

    outcome: Any
    lineages: list[dict[str, Any]]
    arrows: list[DiagramArrow]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The results of both clouds."""

    scenario: Scenario
    with_bug: CloudResult
    without_bug: CloudResult

    @property
    def as_expected(self) -> bool:
        """Whether both outcomes are the expected ones."""
        expected = (self.scenario.with_bug, self.scenario.without_bug)
        return (self.with_bug.outcome, self.without_bug.outcome) == expected

    def as_json(self) -> dict[str, Any]:
        """The output of ``stackwire bugs run --json``."""
        scenario = self.scenario
        return {
            "bug": scenario.bug,
            "asks": scenario.question,
            "with_bug": {"outcome": self.with_bug.outcome, "lineage": self.with_bug.lineages},
            "without": {"outcome": self.without_bug.outcome, "lineage": self.without_bug.lineages},
            "as_told": self.as_expected,
        }


@asynccontextmanager
async def scenario_client(cloud: Cloud, store: MessageStore) -> AsyncIterator[ScenarioClient]:
    """A client of a running cloud with a tracer, and one of another user."""

    async def recorded(kind: str, ident: str) -> dict[str, str | None]:
        store.catch_up()
        return store.lineage.now(Resource(kind, ident))

    async with (
        logged_in(cloud.urls) as demo,
        logged_in(cloud.urls, "alt") as alt,
        logged_in(cloud.urls, "admin") as admin,
    ):
        others = {name: ScenarioClient(api, cloud.settle, recorded) for name, api in (("alt", alt), ("admin", admin))}
        yield ScenarioClient(demo, cloud.settle, recorded, others)


async def run_in(scenario: Scenario, cloud: Cloud, store: MessageStore) -> CloudResult:
    """Runs the steps in one cloud. Raises Refused when a step fails."""
    async with scenario_client(cloud, store) as client:
        outcome = await scenario.steps(client)
        await cloud.settle()
    lineages = [found for name in client.created if (found := _lineage(store, name)) is not None]
    arrows = [*diagram(store), answer(scenario.behaviour.service, outcome)]
    return CloudResult(outcome, lineages, arrows)


def _lineage(store: MessageStore, name: str) -> dict[str, Any] | None:
    try:
        return queries.lineage(store, name)
    except NotFound:  # no property was ever transferred to it
        return None


async def run_scenario(scenario: Scenario, server: EmbeddedPostgres, folder: Path) -> ScenarioResult:
    """Runs the scenario in both clouds at once, on one PostgreSQL."""

    async def side(name: str, bugs: tuple[str, ...]) -> CloudResult:
        database = f"{name}_{scenario.bug.replace('-', '_')}"
        async with demo_cloud.running(server, folder, database, scenario.release, bugs, scenario.settings) as (
            cloud,
            store,
        ):
            return await run_in(scenario, cloud, store)

    with_bug, without_bug = await asyncio.gather(side("then", (scenario.bug,)), side("now", ()))
    return ScenarioResult(scenario, with_bug, without_bug)
