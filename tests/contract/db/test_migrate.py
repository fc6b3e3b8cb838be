"""Migrations run once, in order, and are never changed afterwards."""

import asyncio
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
