"""Opens the database of a service from its settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files

from stackwire.core.clock import Clock
from stackwire.core.settings import ServiceSettings
from stackwire.db.pool import Database


@asynccontextmanager
async def opened(
    settings: ServiceSettings, service: str, clock: Clock | None, planner: Mapping[str, str] | None = None
) -> AsyncIterator[Database]:
    """The database, migrated by the service's own migrations; it is closed only when the block raises.

    Raises MigrationError, DatabaseUnavailable.
    """
    database = await Database.open(
        settings.database_url,
        schema=service,
        migrations=files(f"stackwire.{service}") / "db" / "migrations",
        clock=clock,
        max_size=settings.pool_size,
        planner=planner,
    )
    try:
        yield database
    except BaseException:
        await database.close()
        raise
