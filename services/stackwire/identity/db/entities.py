"""Statements for domains, projects, users, groups and roles: five tables of one shape.

Every name that becomes part of a statement comes from ``domain.entities``, never from a request.
"""

from typing import Any

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.table import Arguments
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.domain.entities import DOMAIN, PROJECT, TAG_FILTERS, EntityType, Row
from stackwire.identity.domain.requests import EntityQuery, EntityRequest

# A project at the top has its domain for a parent.
_COMPUTED = {("project", "parent_id"): "coalesce(projects.parent_id, projects.domain_id)"}
_PROJECT_TAG_CONDITIONS = dict(
    zip(
        TAG_FILTERS,
        ("tags @> {}::text[]", "tags && {}::text[]", "NOT tags @> {}::text[]", "NOT tags && {}::text[]"),
        strict=True,
    )
)


def columns(entity_type: EntityType) -> str:
    """The SELECT list of an entity."""
    names = ("id", *entity_type.columns, "extra")
    return ", ".join(f"{_expression(entity_type, name)} AS {name}" for name in names)


def _expression(entity_type: EntityType, column: str) -> str:
    return _COMPUTED.get((entity_type.name, column), f"{entity_type.plural}.{column}")


async def insert(uow: UnitOfWork, entity_type: EntityType, id: str, request: EntityRequest) -> Row:
    """Raises UniqueViolation for a name in use, ForeignKeyViolation for an unknown domain."""
    row = {"id": id, "extra": dict(request.extra), **request.values}
    arguments = Arguments()
    placeholders = ", ".join(arguments.placeholder(value) for value in row.values())
    sql = (
        f"INSERT INTO {entity_type.plural} ({', '.join(row)}) VALUES ({placeholders}) RETURNING {columns(entity_type)}"
    )
    return (await uow.rows(sql, *arguments.values))[0]


async def update(uow: UnitOfWork, entity_type: EntityType, id: str, request: EntityRequest) -> Row | None:
    """The row after the change; None when there is none. ``extra`` is merged."""
    arguments = Arguments(id, dict(request.extra))
    changes = [f"{name} = {arguments.placeholder(value)}" for name, value in request.values.items()]
    sql = f"""UPDATE {entity_type.plural} SET {", ".join(["extra = extra || $2", *changes])} WHERE id = $1
              RETURNING {columns(entity_type)}"""
    rows = await uow.rows(sql, *arguments.values)
    return rows[0] if rows else None


async def delete(uow: UnitOfWork, entity_type: EntityType, id: str) -> bool:
    """False when there is no such entity."""
    return bool(await uow.execute(f"DELETE FROM {entity_type.plural} WHERE id = $1", id))


async def get(session: Session, entity_type: EntityType, id: str, *, lock: bool = False) -> Row | None:
    """``lock``: nobody else changes it until the end of the unit of work."""
    sql = f"SELECT {columns(entity_type)} FROM {entity_type.plural} WHERE id = $1{' FOR UPDATE' if lock else ''}"
    rows = await session.rows(sql, id)
    return rows[0] if rows else None


async def list_page(session: Session, entity_type: EntityType, query: EntityQuery) -> list[Row]:
    """The page of entities that match every filter."""
    conditions = Conditions()
    if query.marker is not None:
        conditions.where("id > {}", query.marker)
    for name, value in query.filters.items():
        conditions.where(_PROJECT_TAG_CONDITIONS.get(name) or f"{_expression(entity_type, name)} = {{}}", value)
    limit = conditions.placeholder(query.limit)
    sql = (
        f"""SELECT {columns(entity_type)} FROM {entity_type.plural} WHERE {conditions.sql} ORDER BY id LIMIT {limit}"""
    )
    return await session.rows(sql, *conditions.values)


async def clear_default_project(uow: UnitOfWork, project_id: str) -> None:
    """Users whose default project is deleted have none."""
    await uow.execute("UPDATE users SET default_project_id = NULL WHERE default_project_id = $1", project_id)


_WITH_ROLE = """
SELECT {columns} FROM {table} WHERE enabled AND id IN (
    SELECT a.{key} FROM assignments a WHERE a.user_id = $1
    UNION
    SELECT a.{key} FROM assignments a JOIN group_members m ON m.group_id = a.group_id WHERE m.user_id = $1)
 ORDER BY id"""


async def projects_of(session: Session, user_id: str) -> list[Row]:
    """The enabled projects on which the user has a role, directly or through a group."""
    return await _with_role(session, PROJECT, user_id)


async def domains_of(session: Session, user_id: str) -> list[Row]:
    """The enabled domains on which the user has a role, directly or through a group."""
    return await _with_role(session, DOMAIN, user_id)


async def _with_role(session: Session, entity_type: EntityType, user_id: str) -> list[Row]:
    names = {"columns": columns(entity_type), "table": entity_type.plural, "key": f"{entity_type.name}_id"}
    return await session.rows(_WITH_ROLE.format(**names), user_id)


async def has_system_role(session: Session, user_id: str) -> bool:
    """True when the user has a role on the system, directly or through a group."""
    value: Any = await session.value(
        """SELECT EXISTS (SELECT 1 FROM assignments a WHERE a.project_id IS NULL AND a.domain_id IS NULL
            AND (a.user_id = $1 OR a.group_id IN (SELECT group_id FROM group_members WHERE user_id = $1)))""",
        user_id,
    )
    return bool(value)
