"""Namespaces of metadata definitions, and the resource types they are associated with."""

from collections.abc import Mapping
from typing import Any, Final

from stackwire.db.query import Conditions, SortKey, after_marker, order_by
from stackwire.db.session import Session
from stackwire.db.table import Table
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.metadefs import Association, Item, MetadefPage, Namespace, ResourceType

NAMESPACES: Final = Table(Namespace, "metadef_namespaces", key="namespace", generated=("id",))
RESOURCE_TYPES: Final = Table(ResourceType, "metadef_resource_types", key="name")
_ASSOCIATION: Final = "a.namespace_id, t.name, a.prefix, a.properties_target, a.created_at, a.updated_at"
_RESOURCE_TYPE: Final = "JOIN metadef_resource_types t ON t.id = a.resource_type_id"
_NULLABLE_SORTS: Final = frozenset({"display_name", "owner"})


async def list_page(
    session: Session,
    page: MetadefPage,
    limit: int,
    *,
    project_id: str | None,
    all_projects: bool,
    marker: Namespace | None,
) -> list[Namespace]:
    """The namespaces the project may see."""
    conditions = Conditions()
    conditions.where("({} OR visibility = 'public' OR owner = {})", all_projects, project_id)
    if page.visibility is not None:
        conditions.where("visibility = {}", page.visibility)
    if page.resource_types:
        conditions.where(
            f"id IN (SELECT a.namespace_id FROM metadef_associations a {_RESOURCE_TYPE} WHERE t.name = ANY({{}}))",
            list(page.resource_types),
        )
    tail = page_sql(conditions, page, marker, limit)
    return await session.all(
        Namespace, f"SELECT {NAMESPACES.columns} FROM metadef_namespaces {tail}", *conditions.values
    )


def page_sql(conditions: Conditions, page: MetadefPage, marker: Namespace | Item | None, limit: int | None) -> str:
    """WHERE, ORDER BY and LIMIT of one page; ``page.sort_key`` is one of the known columns."""
    keys = []
    for column in (page.sort_key, "created_at", "id"):
        expression, value = column, None if marker is None else getattr(marker, column)
        if column in _NULLABLE_SORTS:
            expression, value = f"coalesce({column}, '')", value or ""
        place = conditions.placeholder(value) if marker is not None else ""
        keys.append(SortKey(expression, page.sort_dir == "desc", place))
    if marker is not None:
        conditions.where(after_marker(keys))
    return f"WHERE {conditions.sql} ORDER BY {order_by(keys)} LIMIT {conditions.placeholder(limit)}"


async def try_insert(uow: UnitOfWork, row: Mapping[str, Any]) -> Namespace | None:
    """None when the name is taken."""
    return await NAMESPACES.try_insert(uow, {**row, "created_at": uow.now, "updated_at": uow.now})


async def is_taken(uow: UnitOfWork, name: str, other_than: int) -> bool:
    """Whether another namespace has the name; that one keeps it until the transaction ends."""
    sql = "SELECT 1 FROM metadef_namespaces WHERE namespace = $1 AND id <> $2 FOR UPDATE"
    return bool(await uow.value(sql, name, other_than))


async def lock_names(uow: UnitOfWork) -> None:
    """Serialises renames: two to the same name must not both find it free."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtext('metadef names'))")


async def add_resource_types(uow: UnitOfWork, names: list[str], *, protected: bool = False) -> None:
    """Existing resource types stay as they are."""
    sql = (
        "INSERT INTO metadef_resource_types (name, protected, created_at, updated_at)"
        " SELECT name, $2, $3, $3 FROM unnest($1::text[]) WITH ORDINALITY AS n (name, position) ORDER BY position"
        " ON CONFLICT DO NOTHING"
    )
    await uow.execute(sql, names, protected, uow.now)


async def list_associations(session: Session, namespace_ids: list[int]) -> list[Association]:
    sql = (
        f"SELECT {_ASSOCIATION} FROM metadef_associations a {_RESOURCE_TYPE}"
        " WHERE a.namespace_id = ANY($1) ORDER BY a.created_at, t.id"
    )
    return await session.all(Association, sql, namespace_ids)


async def try_associate(
    uow: UnitOfWork, namespace_id: int, name: str, prefix: str | None, target: str | None
) -> Association | None:
    """None when the two are associated already. The resource type exists."""
    sql = (
        "WITH a AS (INSERT INTO metadef_associations (namespace_id, resource_type_id, prefix, properties_target,"
        " created_at, updated_at) SELECT $1, id, $3, $4, $5, $5 FROM metadef_resource_types WHERE name = $2"
        f" ON CONFLICT DO NOTHING RETURNING *) SELECT {_ASSOCIATION} FROM a {_RESOURCE_TYPE}"
    )
    return await uow.one(Association, sql, namespace_id, name, prefix, target, uow.now)


async def dissociate(uow: UnitOfWork, namespace_id: int, name: str) -> Association | None:
    """The association that was removed; None when there is none."""
    sql = (
        "WITH a AS (DELETE FROM metadef_associations WHERE namespace_id = $1"
        " AND resource_type_id = (SELECT id FROM metadef_resource_types WHERE name = $2) RETURNING *)"
        f" SELECT {_ASSOCIATION} FROM a {_RESOURCE_TYPE}"
    )
    return await uow.one(Association, sql, namespace_id, name)


async def seeded(session: Session) -> set[str]:
    """The catalogue's namespaces that were loaded before."""
    return {row["name"] for row in await session.rows("SELECT name FROM metadef_given")}


async def try_mark_seeded(uow: UnitOfWork, name: str) -> bool:
    """True for the first process that loads it."""
    sql = "INSERT INTO metadef_given (name, given_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    return bool(await uow.execute(sql, name, uow.now))
