"""The auditor: a role of PostgreSQL that may read every service's tables and do nothing else.

No service may ask about another's rows (``contract/db/test_isolation.py``); the tests' invariants do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from stackwire.db.bootstrap import SERVICES

AUDITOR = "auditor"
MISSING = """
SELECT DISTINCT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind = 'r' AND NOT (
    has_schema_privilege($2, n.oid, 'USAGE') AND has_table_privilege($2, c.oid, 'SELECT'))
"""


async def _admit(connection: asyncpg.Connection) -> None:
    """Roles belong to the whole server, what they may read to a database: tables may have been made since."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", AUDITOR):
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(f"CREATE ROLE {AUDITOR}")
    if not await connection.fetchval("SELECT pg_has_role($1, 'MEMBER')", AUDITOR):
        await connection.execute(f"GRANT {AUDITOR} TO current_user")
    for row in await connection.fetch(MISSING, list(SERVICES), AUDITOR):
        schema = row["nspname"]
        await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {AUDITOR}")
        await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {AUDITOR}")


@asynccontextmanager
async def as_auditor(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Within it an administrator's connection is the auditor's, and sees one moment of all services."""
    await _admit(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f"SET LOCAL ROLE {AUDITOR}")
        yield
