"""No service can see another's tables."""

from itertools import permutations

import pytest

from stackwire.core.context import system_context
from stackwire.db.bootstrap import SERVICES, bootstrap
from stackwire.db.pool import Database, InsufficientPrivilege
from support.postgres import TestDatabase, migrations_of


@pytest.mark.parametrize(("mine", "theirs"), list(permutations(SERVICES, 2)))
async def test_a_service_cannot_read_another_services_schema(postgres: TestDatabase, mine: str, theirs: str) -> None:
    owner = await Database.open(postgres.url(theirs), schema=theirs, migrations=migrations_of(theirs))
    await owner.close()
    reader = await Database.open(postgres.url(mine), schema=mine, migrations=migrations_of(mine))
    with pytest.raises(InsufficientPrivilege):
        await reader.value(f"SELECT count(*) FROM {theirs}.outbox")
    await reader.close()


async def test_the_database_can_be_made_ready_twice(postgres: TestDatabase) -> None:
    await bootstrap(postgres.admin_url)
    await bootstrap(postgres.admin_url)


async def test_a_role_finds_its_own_schema(postgres: TestDatabase) -> None:
    database = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    async with database.work(system_context("trace")) as uow:
        assert await uow.value("SELECT current_user::text || '/' || current_schema()") == "trace/trace"
    await database.close()
