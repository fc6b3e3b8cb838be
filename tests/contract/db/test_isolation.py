"""No service can see another's tables."""

from collections.abc import AsyncIterator
from itertools import permutations

import asyncpg
import pytest

from stackwire.core.context import system_context
from stackwire.db.bootstrap import SERVICES, bootstrap, create_database, drop_database
from stackwire.db.errors import InsufficientPrivilege
from stackwire.db.pool import Database
from support.postgres import TestDatabase, TestServer, migrations_of


@pytest.fixture(scope="module")
async def shared(postgres_server: TestServer, postgres_template: str) -> AsyncIterator[TestDatabase]:
    """One database for all pairs, in which every service has at least its outbox."""
    database = TestDatabase(postgres_server, f"{postgres_template}_isolation")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    for service in SERVICES:
        opened = await Database.open(database.url(service), schema=service, migrations=migrations_of(service))
        await opened.close()
    yield database
    await drop_database(postgres_server.admin, database.name)


@pytest.mark.parametrize(("mine", "theirs"), list(permutations(SERVICES, 2)))
async def test_a_service_cannot_touch_another_services_schema(shared: TestDatabase, mine: str, theirs: str) -> None:
    database = await Database.open(shared.url(mine), schema=mine, migrations=migrations_of(mine))
    for statement in (
        f"SELECT count(*) FROM {theirs}.outbox",
        f"DELETE FROM {theirs}.outbox WHERE false",
        f"CREATE TABLE {theirs}.mine (id int)",
        f"DROP SCHEMA {theirs} CASCADE",
        "CREATE TABLE public.mine (id int)",
    ):
        with pytest.raises(InsufficientPrivilege):
            await database.value(statement)
    await database.close()


async def test_the_database_can_be_made_ready_twice(postgres: TestDatabase) -> None:
    connection = await asyncpg.connect(postgres.admin_url)
    owners = "SELECT nspname, nspowner, nspacl::text FROM pg_namespace ORDER BY nspname"
    before = await connection.fetch(owners)
    await bootstrap(postgres.admin_url)
    assert await connection.fetch(owners) == before
    await connection.close()


async def test_a_role_finds_its_own_schema(postgres: TestDatabase) -> None:
    database = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    async with database.work(system_context("trace")) as uow:
        assert await uow.value("SELECT current_user::text || '/' || current_schema()") == "trace/trace"
    await database.close()
