"""Objects, properties and tags of a namespace."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.table import Table
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.metadef_namespaces import page_sql
from stackwire.image.domain.metadefs import Item, Kind, MetadefPage

ITEMS: Final = Table(Item, "metadef_items", generated=("id",))
NewItem = tuple[Kind, str, Mapping[str, Any]]
"""Kind, name, definition."""


async def list_page(
    session: Session, namespace_id: int, kind: Kind, page: MetadefPage, marker: Item | None
) -> list[Item]:
    conditions = Conditions()
    conditions.where("namespace_id = {} AND kind = {}", namespace_id, kind)
    tail = page_sql(conditions, page, marker, page.limit)
    return await session.all(Item, f"SELECT {ITEMS.columns} FROM metadef_items {tail}", *conditions.values)


async def get(session: Session, namespace_id: int, kind: Kind, name: str) -> Item | None:
    found = await ITEMS.find(session, namespace_id=namespace_id, kind=kind, name=name)
    return found[0] if found else None


async def insert(uow: UnitOfWork, namespace_id: int, items: Sequence[NewItem]) -> list[Item]:
    """The items that are new, in order; one whose name is taken is left out, which the caller checks."""
    kinds, names, definitions = zip(*items, strict=True) if items else ((), (), ())
    sql = (
        "INSERT INTO metadef_items (namespace_id, kind, name, definition, created_at, updated_at)"
        " SELECT $1, kind, name, definition, $5, $5 FROM unnest($2::text[], $3::text[], $4::json[]) WITH ORDINALITY"
        f" AS n (kind, name, definition, position) ORDER BY position ON CONFLICT DO NOTHING RETURNING {ITEMS.columns}"
    )
    created = await uow.all(
        Item, sql, namespace_id, list(kinds), list(names), [dict(each) for each in definitions], uow.now
    )
    return sorted(created, key=lambda item: item.id)


async def delete(uow: UnitOfWork, namespace_id: int, kind: Kind, name: str | None = None) -> list[Item]:
    """The items that were removed: the one of that name, or all of the kind."""
    sql = (
        "DELETE FROM metadef_items WHERE namespace_id = $1 AND kind = $2 AND ($3::text IS NULL OR name = $3)"
        f" RETURNING {ITEMS.columns}"
    )
    return await uow.all(Item, sql, namespace_id, kind, name)
