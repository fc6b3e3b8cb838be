"""For tests that bring migrations of their own: a database in which no service's ran."""

import uuid
from collections.abc import AsyncIterator

import pytest

from stackwire.db.bootstrap import bootstrap, create_database, drop_database
from support.postgres import TestDatabase, TestServer


@pytest.fixture
async def unmigrated(postgres_server: TestServer) -> AsyncIterator[TestDatabase]:
    """Roles and schemas, and nothing in them; dropped after the test."""
    name = f"stackwire_{postgres_server.run}_bare_{uuid.uuid4().hex[:8]}"
    await create_database(postgres_server.admin, name)
    await bootstrap(postgres_server.url(name))
    yield TestDatabase(postgres_server, name)
    await drop_database(postgres_server.admin, name)
