"""What glance-registry's role may do in these tables."""

from importlib.resources import files

from stackwire.db.pool import Database

_GRANTS = "0014_registry.sql"


async def grant(database: Database) -> None:
    """Grants it again: the role may be younger than the migration, which then found nobody to grant it to."""
    statement = (files("stackwire.image") / "db" / "migrations" / _GRANTS).read_text(encoding="utf-8")
    async with database.transaction() as session:
        await session.value("SELECT pg_advisory_xact_lock(hashtext('stackwire.migrate'), hashtext($1))", "image")
        await session.execute(statement)
