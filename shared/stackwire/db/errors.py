"""PostgreSQL's errors as ServiceErrors.

What a caller caused (a NUL in a text, a lone surrogate, a number too big for its column) is a BadRequest, never a 5xx.
A lost or stopping database is Unavailable: the caller may try again.  Violated constraints pass unchanged, since only
the flow knows what they mean; they have names here so that no other module imports asyncpg.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from stackwire.core.errors import BadRequest, Conflict, Unavailable
from stackwire.core.timeline import check_timeline

UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError
CheckViolation = asyncpg.CheckViolationError
InsufficientPrivilege = asyncpg.InsufficientPrivilegeError


class DatabaseUnavailable(Unavailable):
    """The database is not available at the moment."""


class BadValue(BadRequest):
    """A value in the request cannot be stored."""


class Raced(Conflict):
    """Another request changed the same thing at the same time; try again."""


_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.OperatorInterventionError,  # class 57: admin_shutdown, crash_shutdown, cannot_connect_now
    asyncpg.InsufficientResourcesError,  # class 53: too_many_connections, disk_full
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


@contextmanager
def mapped() -> Iterator[None]:
    """Turns errors of asyncpg into ServiceErrors. Raises TimelineEnded in work from before a reset."""
    check_timeline()
    try:
        yield
    except asyncpg.DataError as error:  # class 22, and asyncpg's own refusal to encode an argument
        raise BadValue from error
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
        raise Raced from error
    except _UNAVAILABLE as error:
        raise DatabaseUnavailable from error
    except asyncpg.InterfaceError as error:
        # "connection is closed", "pool is closing"; anything else (a wrong number of arguments) is a programming error.
        if "connection" in str(error) or "pool" in str(error):
            raise DatabaseUnavailable from error
        raise
