"""Where there are many servers and volumes, requests and sweeps read no more of them: no table from end to end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackwire.compute.db import hosts, quotas, recovery_queries
from stackwire.compute.db import listing as server_listing
from stackwire.compute.domain.listing import ListServersRequest
from stackwire.core.context import system_context
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, Session
from stackwire.volume.db import volumes
from stackwire.volume.domain.listing import Filter, Listing
from stackwire.volume.domain.states import VolumeStates
from support.postgres import TestDatabase, migrations_of

PROJECT, USER, HOST = "b" * 32, "u" * 32, "host-1"
MANY = 20_000
BEFORE = datetime(2030, 1, 1, tzinfo=UTC)
SERVERS = """
    INSERT INTO instances (uuid, user_id, project_id, vm_state, memory_mb, vcpus, root_gb, hostname, host,
                           reservation_id, display_name, instance_type_id, created_at, updated_at, deleted)
    SELECT 'server-' || n, $1, $2, 'active', 512, 1, 1, 'one-of-many', 'host-' || n % 1000, 'r-1', 'server ' || n, 1,
           now(), now(), n % 2 = 0
      FROM generate_series(1, $3::int) AS n"""
OF_SERVERS = (
    "INSERT INTO instance_extra (instance_uuid, flavor) SELECT uuid, '{}' FROM instances",
    "INSERT INTO block_device_mapping (uuid, instance_uuid, source_type, destination_type, volume_id, attachment_id,"
    " connection_info, deleted, created_at) SELECT uuid, uuid, 'volume', 'volume', uuid, uuid, '{}', deleted, now()"
    " FROM instances",
    "INSERT INTO instance_actions (action, instance_uuid, request_id, start_time, created_at)"
    " SELECT 'create', uuid, 'req-1', now(), now() FROM instances",
    "INSERT INTO allocations (consumer, instance_uuid, host, vcpus, memory_mb, disk_gb, created_at)"
    " SELECT uuid, uuid, host, 1, 512, 1, now() FROM instances WHERE NOT deleted",
    "INSERT INTO allocation_sums (host, vcpus, memory_mb, disk_gb, servers)"
    " SELECT host, sum(vcpus), sum(memory_mb), sum(disk_gb), count(*) FROM allocations GROUP BY host",
)
VOLUMES = """
    INSERT INTO volumes (id, project_id, name, size, status, host, availability_zone, volume_type_id, created_at)
    SELECT 'volume-' || n, $1, 'volume ' || n, 1, 'available', 'host@files#' || n % 3, 'nova', t.id, now()
      FROM generate_series(1, $2::int) AS n, volume_types AS t"""
READ = """
    SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables
     WHERE relname IN ('instances', 'block_device_mapping', 'instance_actions', 'allocations', 'volumes')"""
SUMS = "SELECT host, vcpus, memory_mb, disk_gb, servers FROM allocation_sums ORDER BY host"
SUMMED = "SELECT host, sum(vcpus) AS vcpus, sum(servers) AS servers FROM allocation_sums GROUP BY host ORDER BY host"
CLAIMED = "SELECT host, sum(vcpus) AS vcpus, count(*) AS servers FROM allocations GROUP BY host ORDER BY host"
Ask = Callable[[Session], Awaitable[Any]]

OF_COMPUTE: Mapping[str, Ask] = {
    "the quotas before a server is made": lambda session: quotas.scopes(session, PROJECT, USER),
    "servers of a name": lambda session: server_listing.list_page(
        session, ListServersRequest(project_id=PROJECT, patterns=(("display_name", "^none of them$"),))
    ),
    "servers that a host was at work on": lambda session: recovery_queries.interrupted(session, HOST, BEFORE),
    "hosts, when a server is placed": hosts.list_all,
    "hosts that a request may name": hosts.places,
    "volumes of deleted servers": lambda session: recovery_queries.orphaned_volumes(session, HOST),
    "volumes of deleted servers on no host": lambda session: recovery_queries.orphaned_volumes(session, None),
    "volumes that were never attached": lambda session: recovery_queries.unrequested_devices(session, HOST, BEFORE),
    "attachments that nobody ended": lambda session: recovery_queries.unfinished_attachments(session, HOST, BEFORE),
}
OF_VOLUME: Mapping[str, Ask] = {
    "volumes of a name": lambda session: volumes.list_page(
        session, Listing(project_id=PROJECT, filters=(Filter("name", "none of them"),))
    )
}


@asynccontextmanager
async def opened(unmigrated: TestDatabase, service: str) -> AsyncIterator[Database]:
    database = await Database.open(unmigrated.url(service), schema=service, migrations=migrations_of(service))
    try:
        yield database
    finally:
        await database.close()


async def read_from_end_to_end(database: Database, ask: Ask) -> set[str]:
    """The large tables that are read so, by the plan of a statement that is asked often."""
    async with database.transaction() as session:
        before = await _rows_read(session)
        for _ in range(7):  # from the sixth time on PostgreSQL may keep one plan for all arguments
            await ask(session)
        after = await _rows_read(session)
    return {table for table, rows in after.items() if rows > before.get(table, 0)}


async def _rows_read(session: Session) -> dict[str, int]:
    """By sequential scans on this connection, not yet told to the other ones."""
    return {row["relname"]: row["seq_tup_read"] for row in await session.rows(READ)}


@pytest.fixture
async def compute(unmigrated: TestDatabase) -> AsyncIterator[Database]:
    async with opened(unmigrated, "compute") as database:
        async with database.transaction() as session:
            await session.execute(SERVERS, USER, PROJECT, MANY)
            for statement in OF_SERVERS:
                await session.execute(statement)
        await database.value("VACUUM ANALYZE")
        yield database


@pytest.fixture
async def volume(unmigrated: TestDatabase) -> AsyncIterator[Database]:
    async with opened(unmigrated, "volume") as database:
        async with database.transaction() as session:
            await session.execute(VOLUMES, PROJECT, MANY)
        await database.value("VACUUM ANALYZE")
        yield database


@pytest.mark.parametrize("name", OF_COMPUTE)
async def test_among_many_servers(compute: Database, name: str) -> None:
    assert not await read_from_end_to_end(compute, OF_COMPUTE[name])


@pytest.mark.parametrize("name", OF_VOLUME)
async def test_among_many_volumes(volume: Database, name: str) -> None:
    assert not await read_from_end_to_end(volume, OF_VOLUME[name])


@pytest.mark.parametrize(
    ("column", "states"), [("status", VolumeStates.transient()), ("migration_status", ("migrating", "completing"))]
)
async def test_volumes_that_a_dead_worker_left(volume: Database, column: str, states: tuple[str, ...]) -> None:
    leases = Leases(volume, owner="another", ttl=timedelta(seconds=30))

    def orphans(session: Session) -> Awaitable[list[str]]:
        return leases.orphans(session, volumes.TABLE, states, column=column, unclaimed_before=BEFORE)

    assert not await read_from_end_to_end(volume, orphans)


async def test_a_projects_usage_is_counted_with_its_users_part(compute: Database) -> None:
    (project, of_user), (_, of_nobody) = await _usages(compute, USER), await _usages(compute, "nobody")
    assert project == of_user == {"instances": MANY // 2, "cores": MANY // 2, "ram": 256 * MANY, "server_groups": 0}
    assert of_nobody == {"instances": 0, "cores": 0, "ram": 0, "server_groups": 0}


async def test_servers_are_not_counted_where_nobody_limits_them(compute: Database) -> None:
    async with compute.transaction() as session:
        await session.execute(
            "INSERT INTO quotas (project_id, resource, hard_limit) SELECT $1, unnest($2::text[]), -1",
            PROJECT,
            list(quotas.OF_SERVERS),
        )
    project, _ = await _usages(compute, USER)
    assert {project[name] for name in quotas.OF_SERVERS} == {0}


async def test_what_is_used_of_hosts_is_what_allocations_claim(compute: Database) -> None:
    async with compute.transaction() as session:
        before = await session.rows(SUMS)
        await hosts.sum_anew(session)
        assert await session.rows(SUMS) == before
        assert sum(row["servers"] for row in before) == MANY // 2


async def test_sums_are_true_when_servers_are_freed_while_a_process_sums_anew(compute: Database) -> None:
    """Who frees does not wait for it, and may end at any moment of it."""
    racers = [f"server-{number}" for number in range(1, 200, 2)]

    async def sum_anew() -> None:
        async with compute.work(system_context("compute")) as uow:
            await hosts.lock_allocations(uow)
            await hosts.sum_anew(uow)

    async def free(uuid: str) -> None:
        async with compute.work(system_context("compute")) as uow:
            await hosts.free(uow, uuid)

    await asyncio.gather(*(work for uuid in racers for work in (free(uuid), sum_anew())))
    async with compute.read() as session:
        summed = await session.rows(SUMMED)
        assert summed == await session.rows(CLAIMED)


async def _usages(database: Database, user_id: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    async with database.read() as session:
        (_, project), (_, user) = await quotas.scopes(session, PROJECT, user_id)
    return project, user
