"""What a new cluster of PostgreSQL has in it: the roles and schemas of all services, migrated.

The services migrate their schemas themselves when they start; here it is done once, for all clouds that follow.
"""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from importlib.resources.abc import Traversable

from stackwire.cloud.postgres_cache import Contents
from stackwire.db.bootstrap import GUESTS, SERVICES, as_role, bootstrap
from stackwire.db.migrate import steps_in
from stackwire.db.pool import Database


def schemas() -> Contents:
    """For an EmbeddedPostgres of a cloud."""
    digest = hashlib.sha256(repr((SERVICES, GUESTS)).encode())
    for service in SERVICES:
        for step in steps_in(_migrations(service)):
            digest.update(f"{service} {step.version} {step.name} {step.checksum}\n".encode())
    return Contents(digest.hexdigest(), _fill)


def _fill(dsn: str) -> None:
    with ThreadPoolExecutor(1) as thread:  # the caller's may have a loop
        thread.submit(lambda: asyncio.run(migrate_all(dsn))).result()


async def migrate_all(dsn: str) -> None:
    """The roles, the schemas and their tables, in the database of ``dsn``, as a user who may create them."""
    await bootstrap(dsn)
    for service in SERVICES:
        database = await Database.open(as_role(dsn, service), schema=service, migrations=_migrations(service))
        await database.close()


def _migrations(service: str) -> Traversable:
    return files(f"stackwire.{service}") / "db" / "migrations"
