"""One database for the whole cloud: a schema and a role for each service, and no grants across.

A role owns its schema, has it as its search_path, and cannot read another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import asyncpg

from stackwire.db.errors import mapped
from stackwire.db.migrate import quoted

SERVICES = ("identity", "image", "volume", "compute", "trace", "index")
GUESTS = ("registry",)
"""Roles without a schema: the migrations of the one they work in grant them their tables."""
ROLES = (*SERVICES, *GUESTS)


class BootstrapError(Exception):
    """The database cannot be prepared; the message says in one line what is missing."""


class NoSuchDatabase(BootstrapError):
    """The server answers, but it has no database of that name."""


async def bootstrap(dsn: str, services: Sequence[str] = SERVICES, guests: Sequence[str] = GUESTS) -> None:
    """Creates the missing schemas and roles in the database of ``dsn``, as a privileged user.

    Raises BootstrapError without the privilege, DatabaseUnavailable when no server answers.
    """
    with mapped():
        try:
            connection = await asyncpg.connect(dsn, timeout=10.0)
        except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            kind = NoSuchDatabase if isinstance(error, asyncpg.InvalidCatalogNameError) else BootstrapError
            raise kind(str(error)) from error
        try:
            if await _is_done(connection, services, guests):
                return
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext('stackwire.bootstrap'))")
                for service in services:
                    await _create(connection, service)
                for guest in guests:
                    await _create_role(connection, guest)
                await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        except asyncpg.InsufficientPrivilegeError as error:
            raise BootstrapError(
                f"the database user may not create roles and schemas ({error}): give one with CREATEROLE"
                " that owns the database"
            ) from error
        finally:
            await connection.close()


async def create_database(dsn: str, name: str, template: str | None = None) -> None:
    """A new database, from a template if named; nothing happens when it exists."""
    # Nobody may be connected to what is copied but who copies it, and several may do so at once.
    where = with_database(dsn, "template1") if template and urlsplit(dsn).path == f"/{template}" else dsn
    with mapped():
        connection = await asyncpg.connect(where, timeout=10.0)
        try:
            source = f" TEMPLATE {quoted(template)}" if template else ""
            if template and connection.get_server_version().major >= 15:
                source += " STRATEGY FILE_COPY"  # the quicker one where a checkpoint costs nothing
            await connection.execute(f"CREATE DATABASE {quoted(name)}{source}")
        except asyncpg.DuplicateDatabaseError:
            pass
        finally:
            await connection.close()


async def drop_database(dsn: str, name: str) -> None:
    """Drops the database, and disconnects its clients."""
    with mapped():
        connection = await asyncpg.connect(dsn, timeout=10.0)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        finally:
            await connection.close()


def with_database(dsn: str, name: str) -> str:
    """The same server and user, another database."""
    return _joined(urlsplit(dsn)._replace(path=f"/{name}"))


def as_role(dsn: str, role: str) -> str:
    """The same login, acting as ``role`` from its first statement on."""
    parts = urlsplit(dsn)
    query = urlencode([*((k, v) for k, v in parse_qsl(parts.query) if k != "role"), ("role", role)], safe="/")
    return _joined(parts._replace(query=query))


def _joined(parts: SplitResult) -> str:
    """urlunsplit drops the slashes of a URL without a host, which a socket's URL is."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if parts.query else ''}{parts.query}"


async def _is_done(connection: asyncpg.Connection[Any], services: Sequence[str], guests: Sequence[str]) -> bool:
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
        " WHERE n.nspname = r.rolname AND n.nspname = ANY($1) AND pg_has_role(r.oid, 'MEMBER')",
        list(services),
    )
    known = await connection.fetchval(
        "SELECT count(*) FROM pg_roles WHERE rolname = ANY($1) AND pg_has_role(oid, 'MEMBER')", list(guests)
    )
    return bool(found == len(services) and known == len(guests))


async def _create(connection: asyncpg.Connection[Any], service: str) -> None:
    await _create_role(connection, service)
    role = quoted(service)
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role}")


async def _create_role(connection: asyncpg.Connection[Any], name: str) -> None:
    role = quoted(name)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name):
        try:
            async with connection.transaction():
                await connection.execute(f"CREATE ROLE {role} LOGIN")
                await connection.execute(f"ALTER ROLE {role} SET search_path TO {role}")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass  # roles belong to the whole server: a concurrent start created it
    if not await connection.fetchval("SELECT pg_has_role($1, 'MEMBER')", name):
        await connection.execute(f"GRANT {role} TO current_user")
