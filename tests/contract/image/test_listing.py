"""How far the database goes for an image, and for a page: with statistics or without, not past those that match."""

from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from typing import Any

import pytest

from bench.image_rows import KINDS, fill, image_id
from stackwire.db.pool import Database
from stackwire.image.db import images
from stackwire.image.db.listing import PLANNER, statement
from stackwire.image.domain import listing
from support.postgres import TestDatabase

OWNER, PAGE = "b" * 32, 25
QUERIES = ("", "property_00=kind-3", "property_00=kind-3&property_19=none")
SHOWN = "image_properties_of_image"  # the index that gives the properties of an image that is shown


def read_by(plan: dict[str, Any]) -> Iterator[int]:
    """Rows that each scan of a plan has looked at, to find images."""
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "Subquery Scan" and plan.get("Index Name") != SHOWN:
        yield round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    for inner in plan.get("Plans", ()):
        yield from read_by(inner)


@pytest.mark.parametrize("many", [1_000, 10_000])
async def test_a_page_of_images_reads_no_others(unmigrated: TestDatabase, many: int) -> None:
    url = unmigrated.url("image")
    migrations = files("stackwire.image.db") / "migrations"
    database = await Database.open(url, schema="image", migrations=migrations, planner=PLANNER)
    try:
        await fill(url, OWNER, 1, many)
        async with database.read() as session:
            for analyse in ("SELECT 1", "ANALYZE images, image_properties, image_members"):
                await session.execute(analyse)
                (plan,) = await session.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {images.GET}", image_id(7), OWNER)
                assert max(read_by(plan["Plan"])) == 1, (analyse, plan)
                for query, is_admin in product(QUERIES, (False, True)):
                    asked = listing.read(
                        [(name, value) for name, _, value in (p.partition("=") for p in filter(None, query.split("&")))]
                    )
                    sql, args = statement(asked, PAGE, project_id=OWNER, is_admin=is_admin, after=None)
                    (plan,) = await session.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args)
                    most = many // KINDS if "&" in query else PAGE
                    assert max(read_by(plan["Plan"])) <= most, (analyse, query, is_admin, plan)
    finally:
        await database.close()
