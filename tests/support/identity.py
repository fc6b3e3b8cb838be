"""One identity service for all the tests of a module that leave it as they found it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, Options, free_ports
from stackwire.db.bootstrap import SERVICES, create_database, drop_database
from support.cloud import TOKEN_KEY, TestCloud
from support.postgres import TestDatabase, TestServer


@asynccontextmanager
async def lasting_identity(server: TestServer, template: str, folder: Path, name: str) -> AsyncIterator[TestCloud]:
    """A cloud of nothing but identity, in a database called after ``name``."""
    database = TestDatabase(server, f"{template}_{name}")
    await create_database(server.admin, database.name, template=template)
    options = Options(data_dir=folder, ports=free_ports(ORDER))
    cloud = Cloud(options, database_urls={name: database.url(name) for name in SERVICES}, token_key=TOKEN_KEY)
    await cloud.start(("identity",))
    test_cloud = TestCloud(cloud, database)
    try:
        yield test_cloud
    finally:
        await test_cloud.close()
        await drop_database(server.admin, database.name)
