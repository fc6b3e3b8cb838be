"""Where the tests get PostgreSQL: TEST_DATABASE_URL, the embedded wheel or local programs, testcontainers.

One template database per session, migrated for every service; a copy of it per test, made in milliseconds.
"""

import asyncio
import atexit
import importlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError
from stackwire.cloud.schemas import migrate_all, schemas
from stackwire.db.bootstrap import as_role, create_database, drop_database, with_database
from support.event_contracts import violations_in
from support.polling import pass_time


def skip_or_fail(reason: str) -> None:
    """Skips the test with the reason, or fails it when REQUIRE=all is set."""
    if os.environ.get("REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class TestServer:
    """``admin`` is a URL of a user who may create databases and roles; ``template``: a database with all schemas."""

    __test__ = False

    admin: str
    template: str | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def url(self, database: str, service: str | None = None) -> str:
        url = with_database(self.admin, database)
        return as_role(url, service) if service else url


@dataclass(frozen=True)
class TestDatabase:
    """A database of one test; ``url(service)`` connects as the service's role."""

    __test__ = False

    server: TestServer
    name: str

    async def rows(self, service: str, sql: str) -> list[dict[str, Any]]:
        """Of a statement of the service's role, where rows are the subject."""
        connection = await asyncpg.connect(self.url(service))
        try:
            return [dict(record) for record in await connection.fetch(sql)]
        finally:
            await connection.close()

    @property
    def admin_url(self) -> str:
        return self.server.url(self.name)

    def url(self, service: str) -> str:
        return self.server.url(self.name, service)


LEFT_OPEN = """
    SELECT application_name, state, left(query, 100) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
CLOSING_SECONDS = 10.0
"""How long a connection that was closed, or whose process was killed, may still be seen."""


async def left_open(admin_url: str) -> list[str]:
    """The connections to the database that nobody closed: of services that were stopped, and of tests."""
    async with _connected(admin_url) as connection:
        return await _others(connection)


async def drop_checked(database: TestDatabase) -> list[str]:
    """Drops the database; returns who is still connected to it, and what notifications in it violate their contract."""
    try:
        async with _connected(database.admin_url) as connection:
            return [*await _others(connection), *await violations_in(connection)]
    finally:
        await drop_database(database.server.admin, database.name)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        yield connection
    finally:
        await connection.close()


async def _others(connection: asyncpg.Connection) -> list[str]:
    """The other connections to its database, once those that are being closed are gone."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CLOSING_SECONDS
    while (found := await connection.fetch(LEFT_OPEN)) and loop.time() < deadline:
        await pass_time(0.02)
    return [f"a connection is left open: {tuple(row)}" for row in found]


def _embedded() -> TestServer:
    folder = Path(tempfile.mkdtemp(prefix="stackwire-tests-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, contents=schemas)
    server.start()

    def remove() -> None:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return TestServer(server.dsn(), template="postgres")


def _container() -> TestServer:
    from testcontainers.postgres import PostgresContainer

    container = PostgresContainer("postgres:16-alpine")
    container.start()
    atexit.register(container.stop)
    return TestServer(container.get_connection_url(driver=None))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    """The first source that works."""
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield TestServer(url)
        return
    reasons = []
    for source in (_embedded, _container):
        try:
            server = source()
        except (PostgresError, ImportError) as error:
            reasons.append(str(error))
        except Exception as error:  # docker's client raises whatever it likes
            reasons.append(f"{source.__name__}: {type(error).__name__}")
        else:
            yield server
            return
    skip_or_fail(f"no PostgreSQL for the tests: {'; '.join(reasons)}")


def migrations_of(service: str) -> Any:
    """The service's folder of migrations, or None while it has none."""
    try:
        importlib.import_module(f"stackwire.{service}")
    except ModuleNotFoundError:
        return None
    for path in ("migrations", "db/migrations"):
        folder = files(f"stackwire.{service}").joinpath(path)
        if folder.is_dir():
            return folder
    return None


@pytest.fixture(scope="session")
async def postgres_template(postgres_server: TestServer) -> AsyncIterator[str]:
    """The name of a database in which every service's migrations ran."""
    name = f"stackwire_{postgres_server.run}"
    await create_database(postgres_server.admin, name, template=postgres_server.template)
    await migrate_all(postgres_server.url(name))
    yield name
    await drop_database(postgres_server.admin, name)


@pytest.fixture
async def postgres(postgres_server: TestServer, postgres_template: str) -> AsyncIterator[TestDatabase]:
    """A fresh copy of the template, dropped after the test, which fails when a notification violated its contract."""
    name = f"{postgres_template}_{uuid.uuid4().hex[:8]}"
    await create_database(postgres_server.admin, name, template=postgres_template)
    database = TestDatabase(postgres_server, name)
    yield database
    violations = await drop_checked(database)
    assert not violations, "\n".join(violations)
