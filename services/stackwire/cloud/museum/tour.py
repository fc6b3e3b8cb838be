"""An exhibit shown: its steps in two clouds, one with the bug and one without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwire.cloud import demo_cloud
from stackwire.cloud.client import logged_in
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.museum.exhibits import Exhibit
from stackwire.cloud.museum.visitor import Visitor
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.core.errors import NotFound
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource
from stackwire.trace.flows import queries


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two clouds: what the steps came to, and the lineage of what they made."""

    outcome: Any
    lineages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    exhibit: Exhibit
    then: Side
    now: Side

    @property
    def as_told(self) -> bool:
        """Both outcomes are those the museum promises."""
        return bool(self.then.outcome == self.exhibit.then and self.now.outcome == self.exhibit.now)

    def as_json(self) -> dict[str, Any]:
        exhibit = self.exhibit
        return {
            "bug": exhibit.bug,
            "asks": exhibit.asks,
            "with_bug": {"outcome": self.then.outcome, "lineage": self.then.lineages},
            "without": {"outcome": self.now.outcome, "lineage": self.now.lineages},
            "as_told": self.as_told,
        }


@asynccontextmanager
async def visiting(cloud: Cloud, store: MessageStore) -> AsyncIterator[Visitor]:
    """A visitor of a running cloud with a tracer, and another user beside."""

    async def recorded(kind: str, ident: str) -> dict[str, str | None]:
        store.catch_up()
        return store.lineage.now(Resource(kind, ident))

    async with logged_in(cloud.urls) as ours, logged_in(cloud.urls, "alt") as others:
        yield Visitor(ours, cloud.settle, recorded, Visitor(others, cloud.settle, recorded))


async def look(exhibit: Exhibit, cloud: Cloud, store: MessageStore) -> Side:
    """The steps in one cloud. Raises Refused when a step cannot be done."""
    async with visiting(cloud, store) as visitor:
        outcome = await exhibit.steps(visitor)
        await cloud.settle()
    return Side(outcome, [told for name in visitor.seen if (told := _lineage(store, name)) is not None])


def _lineage(store: MessageStore, name: str) -> dict[str, Any] | None:
    try:
        return queries.lineage(store, name)
    except NotFound:  # nothing ever crossed to it
        return None


async def show(exhibit: Exhibit, server: EmbeddedPostgres, folder: Path) -> Shown:
    """Both clouds at once, on one PostgreSQL."""

    async def side(name: str, bugs: tuple[str, ...]) -> Side:
        database = f"{name}_{exhibit.bug.replace('-', '_')}"
        async with demo_cloud.running(server, folder, database, exhibit.release, bugs) as (cloud, store):
            return await look(exhibit, cloud, store)

    then, now = await asyncio.gather(side("then", (exhibit.bug,)), side("now", ()))
    return Shown(exhibit, then, now)
