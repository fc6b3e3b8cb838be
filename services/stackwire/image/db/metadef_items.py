"""Objects, properties and tags of a namespace."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.metadefs import Item, Kind, Page

_SHOWN: Final = "id, kind, name, definition, created_at, updated_at"
Wished = tuple[Kind, str, Mapping[str, Any]]
"""Kind, name, definition."""


async def of_namespace(db: Session, namespace_id: int, kind: Kind | None = None) -> list[Item]:
    """As they were made."""
    return await db.all(
        Item,
        f"SELECT {_SHOWN} FROM metadef_items WHERE namespace_id = $1 AND ($2::text IS NULL OR kind = $2) ORDER BY id",
        namespace_id, kind,
    )  # fmt: skip


async def page(db: Session, namespace_id: int, kind: Kind, page: Page, after: Item | None) -> list[Item]:
    """``page.sort_key`` is one of ours, never the caller's words."""
    direction, beyond = ("DESC", "<") if page.sort_dir == "desc" else ("ASC", ">")
    args: list[Any] = [namespace_id, kind, page.limit]
    wanted = ""
    if after is not None:
        args.append(after.id)
        last = f"(SELECT {page.sort_key}, created_at, id FROM metadef_items WHERE id = $4)"
        wanted = f" AND ({page.sort_key}, created_at, id) {beyond} {last}"
    order = f"{page.sort_key} {direction}, created_at {direction}, id {direction}"
    return await db.all(
        Item,
        f"SELECT {_SHOWN} FROM metadef_items WHERE namespace_id = $1 AND kind = $2{wanted} ORDER BY {order} LIMIT $3",
        *args,
    )


async def get(db: Session, namespace_id: int, kind: Kind, name: str) -> Item | None:
    return await db.one(
        Item,
        f"SELECT {_SHOWN} FROM metadef_items WHERE namespace_id = $1 AND kind = $2 AND name = $3",
        namespace_id, kind, name,
    )  # fmt: skip


async def insert(uow: UnitOfWork, namespace_id: int, wished: Sequence[Wished]) -> list[Item]:
    """Those that are new, in order; one whose name is taken is left out, and the caller minds."""
    made = await uow.all(
        Item,
        "INSERT INTO metadef_items (namespace_id, kind, name, definition, created_at, updated_at)"
        " SELECT $1, kind, name, definition, $5, $5 FROM unnest($2::text[], $3::text[], $4::json[]) WITH ORDINALITY"
        f" AS n (kind, name, definition, at) ORDER BY at ON CONFLICT DO NOTHING RETURNING {_SHOWN}",
        namespace_id, [kind for kind, _, _ in wished], [name for _, name, _ in wished],
        [dict(definition) for _, _, definition in wished], uow.now,
    )  # fmt: skip
    return sorted(made, key=lambda item: item.id)


async def update(uow: UnitOfWork, item_id: int, name: str, definition: Mapping[str, Any]) -> Item | None:
    """None when it is gone. The caller holds the namespace, and knows that the name is free."""
    return await uow.one(
        Item,
        f"UPDATE metadef_items SET name = $2, definition = $3, updated_at = $4 WHERE id = $1 RETURNING {_SHOWN}",
        item_id, name, dict(definition), uow.now,
    )  # fmt: skip


async def delete(uow: UnitOfWork, namespace_id: int, kind: Kind, name: str | None = None) -> list[Item]:
    """What is gone now: the one of that name, or all of the kind."""
    return await uow.all(
        Item,
        "DELETE FROM metadef_items WHERE namespace_id = $1 AND kind = $2 AND ($3::text IS NULL OR name = $3)"
        f" RETURNING {_SHOWN}",
        namespace_id, kind, name,
    )  # fmt: skip
