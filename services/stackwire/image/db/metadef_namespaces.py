"""Namespaces of metadata definitions and what resource types they are for."""

from typing import Any, Final

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.metadefs import Association, Namespace, Page, ResourceType

_SHOWN: Final = (
    "id, namespace, display_name, description, visibility, protected, owner, created_at, updated_at"
)  # fmt: skip
_ASSOCIATION: Final = "a.namespace_id, t.name, a.prefix, a.properties_target, a.created_at, a.updated_at"
_FROM: Final = "metadef_associations a JOIN metadef_resource_types t ON t.id = a.resource_type_id"
_SORTS: Final = {"display_name": "coalesce(display_name, '')", "owner": "coalesce(owner, '')"}


async def get(db: Session, name: str, *, hold: bool = False) -> Namespace | None:
    """``hold``: nobody else changes it, or what is in it, until the transaction ends."""
    locked = " FOR UPDATE" if hold else ""
    return await db.one(Namespace, f"SELECT {_SHOWN} FROM metadef_namespaces WHERE namespace = $1{locked}", name)


async def page(
    db: Session, page: Page, limit: int, *, project_id: str | None, all_projects: bool, after: Namespace | None
) -> list[Namespace]:
    """Those the project may see. ``page.sort_key`` is one of ours, never the caller's words."""
    key = _SORTS.get(page.sort_key, page.sort_key)
    direction, beyond = ("DESC", "<") if page.sort_dir == "desc" else ("ASC", ">")
    wanted = ["($1 OR visibility = 'public' OR owner = $2)"]
    args: list[Any] = [all_projects, project_id, limit]
    if page.visibility is not None:
        args.append(page.visibility)
        wanted.append(f"visibility = ${len(args)}")
    if page.resource_types:
        args.append(list(page.resource_types))
        wanted.append(f"id IN (SELECT a.namespace_id FROM {_FROM} WHERE t.name = ANY(${len(args)}))")
    if after is not None:
        args.append(after.id)
        last = f"(SELECT {key}, created_at, id FROM metadef_namespaces WHERE id = ${len(args)})"
        wanted.append(f"({key}, created_at, id) {beyond} {last}")
    order = f"{key} {direction}, created_at {direction}, id {direction}"
    return await db.all(
        Namespace,
        f"SELECT {_SHOWN} FROM metadef_namespaces WHERE {' AND '.join(wanted)} ORDER BY {order} LIMIT $3",
        *args,
    )


async def try_insert(uow: UnitOfWork, wish: dict[str, Any]) -> Namespace | None:
    """None when the name is taken."""
    return await uow.one(
        Namespace,
        "INSERT INTO metadef_namespaces (namespace, display_name, description, visibility, protected, owner,"
        f" created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT DO NOTHING RETURNING {_SHOWN}",
        wish["namespace"], wish["display_name"], wish["description"], wish["visibility"], wish["protected"],
        wish["owner"], uow.now,
    )  # fmt: skip


async def update(uow: UnitOfWork, namespace_id: int, wish: dict[str, Any]) -> Namespace | None:
    """The whole row; None when it is gone."""
    return await uow.one(
        Namespace,
        "UPDATE metadef_namespaces SET namespace = $2, display_name = $3, description = $4, visibility = $5,"
        f" protected = $6, owner = $7, updated_at = $8 WHERE id = $1 RETURNING {_SHOWN}",
        namespace_id, wish["namespace"], wish["display_name"], wish["description"], wish["visibility"],
        wish["protected"], wish["owner"], uow.now,
    )  # fmt: skip


async def taken(uow: UnitOfWork, name: str, but: int) -> bool:
    """Whether another namespace has the name; it keeps it until the transaction ends."""
    return bool(
        await uow.value("SELECT 1 FROM metadef_namespaces WHERE namespace = $1 AND id <> $2 FOR UPDATE", name, but)
    )


async def lock_names(uow: UnitOfWork) -> None:
    """Renames come one after the other: two to the same name must not both find it free."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtext('metadef names'))")


async def delete(uow: UnitOfWork, namespace_id: int) -> None:
    await uow.execute("DELETE FROM metadef_namespaces WHERE id = $1", namespace_id)


async def resource_types(db: Session) -> list[ResourceType]:
    return await db.all(ResourceType, "SELECT name, created_at, updated_at FROM metadef_resource_types ORDER BY id")


async def add_types(uow: UnitOfWork, names: list[str], *, protected: bool = False) -> None:
    """Those there are stay as they are."""
    await uow.execute(
        "INSERT INTO metadef_resource_types (name, protected, created_at, updated_at)"
        " SELECT name, $2, $3, $3 FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at) ORDER BY at"
        " ON CONFLICT DO NOTHING",
        names, protected, uow.now,
    )  # fmt: skip


async def associations(db: Session, namespace_ids: list[int]) -> list[Association]:
    return await db.all(
        Association,
        f"SELECT {_ASSOCIATION} FROM {_FROM} WHERE a.namespace_id = ANY($1) ORDER BY a.created_at, t.id",
        namespace_ids,
    )


async def try_associate(
    uow: UnitOfWork, namespace_id: int, name: str, prefix: str | None, target: str | None
) -> Association | None:
    """None when it is associated already. The resource type is there."""
    return await uow.one(
        Association,
        "WITH a AS (INSERT INTO metadef_associations (namespace_id, resource_type_id, prefix, properties_target,"
        " created_at, updated_at) SELECT $1, id, $3, $4, $5, $5 FROM metadef_resource_types WHERE name = $2"
        f" ON CONFLICT DO NOTHING RETURNING *) SELECT {_ASSOCIATION} FROM a"
        " JOIN metadef_resource_types t ON t.id = a.resource_type_id",
        namespace_id, name, prefix, target, uow.now,
    )  # fmt: skip


async def dissociate(uow: UnitOfWork, namespace_id: int, name: str) -> Association | None:
    """As it was; None when there was none."""
    return await uow.one(
        Association,
        "WITH a AS (DELETE FROM metadef_associations WHERE namespace_id = $1"
        " AND resource_type_id = (SELECT id FROM metadef_resource_types WHERE name = $2) RETURNING *)"
        f" SELECT {_ASSOCIATION} FROM a JOIN metadef_resource_types t ON t.id = a.resource_type_id",
        namespace_id, name,
    )  # fmt: skip


async def given(db: Session) -> set[str]:
    """What the catalogue has given already."""
    return {row["name"] for row in await db.rows("SELECT name FROM metadef_given")}


async def try_give(uow: UnitOfWork, name: str) -> bool:
    """True for the first one who gives it."""
    return bool(
        await uow.execute(
            "INSERT INTO metadef_given (name, given_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, uow.now
        )
    )
