"""Migrations run once, in order, and are never changed afterwards."""

import asyncio
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from stackwire.db.migrate import MigrationError, steps_in
from stackwire.db.pool import Database
from support.postgres import TestDatabase

SHARED = ("shared_0001_drop_inbox", "0000_outbox_and_inbox")
"""The steps of every schema, by their numbers."""


def write(folder: Path, **steps: str) -> Path:
    for name, sql in steps.items():
        (folder / f"{name.removeprefix('_')}.sql").write_text(sql)
    return folder


async def opened(unmigrated: TestDatabase, folder: Path) -> list[str]:
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=folder)
    rows = await database.rows("SELECT name FROM schema_migrations ORDER BY version")
    await database.close()
    return [row["name"] for row in rows]


async def test_new_steps_are_applied_to_an_old_schema(unmigrated: TestDatabase, tmp_path: Path) -> None:
    write(tmp_path, _0001_a="CREATE TABLE a (id int)")
    assert await opened(unmigrated, tmp_path) == [*SHARED, "0001_a"]
    write(tmp_path, _0002_b="ALTER TABLE a ADD COLUMN b int; CREATE INDEX ON a (b)")
    assert await opened(unmigrated, tmp_path) == [*SHARED, "0001_a", "0002_b"]


async def test_services_that_start_at_once_apply_each_step_once(unmigrated: TestDatabase, tmp_path: Path) -> None:
    write(tmp_path, _0001_a="CREATE TABLE a (id int)")
    names = await asyncio.gather(*(opened(unmigrated, tmp_path) for _ in range(5)))
    assert names == [[*SHARED, "0001_a"]] * 5


async def test_a_step_changed_after_it_was_applied_is_refused(unmigrated: TestDatabase, tmp_path: Path) -> None:
    await opened(unmigrated, write(tmp_path, _0001_a="CREATE TABLE a (id int)"))
    with pytest.raises(MigrationError, match="0001_a was changed"):
        await opened(unmigrated, write(tmp_path, _0001_a="CREATE TABLE a (id bigint)"))


async def test_a_schema_of_a_newer_version_is_refused(unmigrated: TestDatabase, tmp_path: Path) -> None:
    await opened(unmigrated, write(tmp_path, _0001_a="CREATE TABLE a (id int)"))
    (tmp_path / "0001_a.sql").unlink()
    with pytest.raises(MigrationError, match="does not know"):
        await opened(unmigrated, tmp_path)


async def test_a_failing_step_leaves_the_schema_as_it_was(unmigrated: TestDatabase, tmp_path: Path) -> None:
    await opened(unmigrated, write(tmp_path, _0001_a="CREATE TABLE a (id int)"))
    with pytest.raises(MigrationError, match="0003_c failed"):
        await opened(unmigrated, write(tmp_path, _0002_b="CREATE TABLE b (id int)", _0003_c="CREATE TABLE b (id int)"))
    (tmp_path / "0002_b.sql").unlink()
    (tmp_path / "0003_c.sql").unlink()
    assert await opened(unmigrated, tmp_path) == [*SHARED, "0001_a"]


@pytest.mark.parametrize("names", [("0002_b.sql",), ("0001_a.sql", "0001_b.sql"), ("1_a.sql",), ("0001-a.sql",)])
def test_numbers_with_gaps_doubles_or_other_shapes_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        steps_in(tmp_path)


async def test_a_step_of_an_action_that_was_listed_twice_is_listed_once(
    unmigrated: TestDatabase, tmp_path: Path
) -> None:
    """The one that was done is kept; one that failed is another attempt."""
    steps = Path(str(files("stackwire.compute"))) / "db/migrations"
    former, latest = (shutil.copytree(steps, tmp_path / name) for name in ("former", "latest"))
    for step in former.glob("*.sql"):
        if step.name >= "0016":
            step.unlink()
    listed = [("x", None), ("x", "Success"), ("x", "Success"), ("x", "Error"), ("y", None), ("y", None), ("z", "Error")]
    url = unmigrated.url("compute")
    database = await Database.open(url, schema="compute", migrations=former)
    async with database.transaction() as session:
        await session.execute(
            "ALTER TABLE instance_actions_events DROP CONSTRAINT instance_actions_events_action_id_fkey"
        )
        await session.many(
            "INSERT INTO instance_actions_events (action_id, event, start_time, finish_time, result)"
            " VALUES (1, $1, now(), CASE WHEN $2::text IS NOT NULL THEN now() END, $2)",
            listed,
        )
    await database.close()
    database = await Database.open(url, schema="compute", migrations=latest)
    left = await database.rows("SELECT id, event, result FROM instance_actions_events ORDER BY id")
    await database.close()
    assert [tuple(row.values()) for row in left] == [
        (2, "x", "Success"), (4, "x", "Error"), (5, "y", None), (7, "z", "Error")
    ]  # fmt: skip
