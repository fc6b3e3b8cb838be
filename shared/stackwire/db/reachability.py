"""Whether a database can be used, for who looks for the cause when it cannot."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from stackwire.core.secrets import masked


class Unreachable(Exception):
    """The reason, without a password. ``login``: it is the user or the password."""

    def __init__(self, reason: str, *, login: bool = False) -> None:
        super().__init__(reason)
        self.login = login


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """``now``: its clock, aware."""

    version: str
    now: datetime
    connections: int
    max_connections: int


async def database_server(dsn: str, timeout: float = 5.0) -> DatabaseServer:
    """What the server of a URL says of itself. Raises Unreachable."""
    try:
        connection = await asyncpg.connect(dsn, timeout=timeout)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise Unreachable(masked(str(error)), login=True) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise Unreachable(masked(str(error)) or type(error).__name__) from error
    try:
        row = await connection.fetchrow(
            "SELECT current_setting('server_version') AS version, clock_timestamp() AS now,"
            " (SELECT count(*) FROM pg_stat_activity) AS connections,"
            " current_setting('max_connections')::int AS max_connections"
        )
        assert row is not None
        return DatabaseServer(**dict(row))
    finally:
        await connection.close()
