"""How far the database goes for a page of a filtered list: with statistics or without, not past those that match."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from bench.image_rows import KINDS, fill
from stackwire.db.pool import Database
from stackwire.image.db.listing import statement
from stackwire.image.domain import filters
from support.postgres import TestDatabase

OWNER, PAGE = "b" * 32, 5
MANY = 8 * PAGE * KINDS


def read_by(plan: dict[str, Any]) -> Iterator[int]:
    """Rows that each scan of a plan has looked at."""
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "Subquery Scan":
        yield round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    for inner in plan.get("Plans", ()):
        yield from read_by(inner)


@pytest.mark.parametrize("query", ["property_00=kind-3", "property_00=kind-3&property_19=none"])
async def test_a_page_of_images_with_a_property_reads_no_others(unmigrated: TestDatabase, query: str) -> None:
    url = unmigrated.url("image")
    database = await Database.open(url, schema="image", migrations=files("stackwire.image.db") / "migrations")
    try:
        await fill(url, OWNER, 1, MANY)
        asked = filters.read([tuple(pair.split("=")) for pair in query.split("&") if pair])  # type: ignore[misc]
        sql, args = statement(asked, PAGE, asker=OWNER, is_admin=False, after=None)
        for statistics in (False, True):
            async with database.read() as session:
                if statistics:
                    await session.execute("ANALYZE images, image_properties, image_members")
                (plan,) = await session.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args)
            most = MANY // KINDS if "property_19" in query else 20 * PAGE  # twenty properties each
            assert max(read_by(plan["Plan"])) <= most, plan
    finally:
        await database.close()
