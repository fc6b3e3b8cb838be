"""Objects, properties and tags of a namespace: three kinds of the same thing."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.db import metadef_items as item_rows
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs import TAG, Item, Kind, Page
from stackwire.image.domain.metadefs_errors import (
    AssociationNotFound,
    ItemExists,
    ItemProtected,
    NamespaceProtected,
    PrefixMissing,
    missing,
)
from stackwire.image.domain.metadefs_notifications import MetadefVoice
from stackwire.image.domain.metadefs_policy import CLEAR_RULES, LIST_RULE, REMOVE_RULE
from stackwire.image.flows.metadefs_access import Gate


class Items:
    """Every writer holds the namespace: names in it are taken one after the other."""

    def __init__(self, database: Database, gate: Gate, voice: MetadefVoice) -> None:
        self._database = database
        self._gate = gate
        self._voice = voice

    async def page(self, ctx: RequestContext, namespace: str, kind: Kind, page: Page) -> list[Item]:
        async with self._database.read() as db:
            found = await self._gate.seen(ctx, db, namespace, LIST_RULE[kind])
            after = None
            if page.marker is not None:
                after = await item_rows.get(db, found.id, kind, page.marker)
                if after is None:
                    raise missing(kind, page.marker, namespace)
            return await item_rows.page(db, found.id, kind, page, after)

    async def every(self, ctx: RequestContext, namespace: str, kind: Kind) -> list[Item]:
        async with self._database.read() as db:
            found = await self._gate.seen(ctx, db, namespace, LIST_RULE[kind])
            return await item_rows.of_namespace(db, found.id, kind)

    async def one(
        self, ctx: RequestContext, namespace: str, kind: Kind, name: str, resource_type: str | None = None
    ) -> Item:
        """``resource_type``: the name is the one on a resource of this type, with its prefix."""
        also = ("get_metadef_resource_type",) if resource_type else ()
        async with self._database.read() as db:
            found = await self._gate.seen(ctx, db, namespace, f"get_metadef_{kind}", *also)
            bare = name
            if resource_type:
                known = {each.name: each for each in await rows.associations(db, [found.id])}
                if resource_type not in known:
                    raise AssociationNotFound(name=resource_type, namespace=namespace)
                prefix = known[resource_type].prefix
                if not prefix or not name.startswith(prefix):
                    raise PrefixMissing(name=name, prefix=prefix)
                bare = name.removeprefix(prefix)
            item = await item_rows.get(db, found.id, kind, bare)
        if item is None:
            raise missing(kind, bare, namespace)
        return item

    async def add(
        self, ctx: RequestContext, namespace: str, kind: Kind, name: str, definition: Mapping[str, Any]
    ) -> Item:
        async with self._database.work(ctx) as uow:
            found = await self._gate.held(ctx, uow, namespace, f"add_metadef_{kind}")
            made = await item_rows.insert(uow, found.id, [(kind, name, definition)])
            if not made:
                raise ItemExists(kind=kind, name=name, namespace=namespace)
            uow.notify(self._voice.item("create", namespace, made[0]))
        return made[0]

    async def add_tags(self, ctx: RequestContext, namespace: str, names: Sequence[str], *, append: bool) -> None:
        """In place of those there are, or, with ``append``, besides them; none asked for changes nothing."""
        async with self._database.work(ctx) as uow:
            found = await self._gate.held(ctx, uow, namespace, "add_metadef_tags")
            if names and not append:
                await item_rows.delete(uow, found.id, TAG)
            made = await item_rows.insert(uow, found.id, [(TAG, name, {}) for name in names])
            if len(made) < len(names):
                new = [item.name for item in made]
                twice = next(
                    name for at, name in enumerate(names) if name not in new or name in names[:at]
                )  # fmt: skip
                raise ItemExists(kind=TAG, name=twice, namespace=namespace)
            for item in made:
                uow.notify(self._voice.item("create", namespace, item))

    async def change(
        self, ctx: RequestContext, namespace: str, kind: Kind, old: str, name: str, definition: Mapping[str, Any]
    ) -> Item:
        """The whole of it, its name included."""
        async with self._database.work(ctx) as uow:
            found = await self._gate.held(ctx, uow, namespace, f"modify_metadef_{kind}")
            before = await item_rows.get(uow, found.id, kind, old)
            if before is None:
                raise missing(kind, old, namespace)
            if name != old and await item_rows.get(uow, found.id, kind, name) is not None:
                raise ItemExists(kind=kind, name=name, namespace=namespace)
            after = await item_rows.update(uow, before.id, name, definition)
            if after is None:
                raise missing(kind, old, namespace)
            uow.notify(self._voice.item("update", namespace, after, old=old))
        return after

    async def remove(self, ctx: RequestContext, namespace: str, kind: Kind, name: str) -> None:
        async with self._database.work(ctx) as uow:
            found = await self._gate.held(ctx, uow, namespace, REMOVE_RULE[kind])
            gone = await item_rows.delete(uow, found.id, kind, name)
            if not gone:
                raise missing(kind, name, namespace)
            if found.protected:
                raise ItemProtected(kind=kind, name=name)
            uow.notify(self._voice.item("delete", namespace, gone[0], deleted_at=uow.now))

    async def clear(self, ctx: RequestContext, namespace: str, kind: Kind) -> None:
        """All of the kind."""
        async with self._database.work(ctx) as uow:
            found = await self._gate.held(ctx, uow, namespace, *CLEAR_RULES[kind])
            if found.protected:
                raise NamespaceProtected(namespace=namespace)
            await item_rows.delete(uow, found.id, kind)
            uow.notify(self._voice.cleared(kind, found))
