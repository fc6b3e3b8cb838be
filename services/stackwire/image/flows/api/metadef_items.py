"""Objects, properties and tags of a namespace: three kinds of the same thing."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.image.db import metadef_items as rows
from stackwire.image.db import metadef_namespaces as namespace_rows
from stackwire.image.domain.metadefs import TAG, Item, Kind, MetadefPage, Namespace
from stackwire.image.domain.metadefs_errors import (
    AssociationNotFound,
    ItemExists,
    ItemNotFound,
    ItemProtected,
    NamespaceProtected,
    PrefixMissing,
)
from stackwire.image.domain.metadefs_notifications import MetadefNotificationBuilder
from stackwire.image.domain.metadefs_policy import CLEAR_RULES, DELETE_RULE, LIST_RULE
from stackwire.image.flows.metadefs_access import NamespaceAccess


class MetadefItems:
    """Every writer locks the namespace, so that names in it are taken one after the other.

    Source: ``glance/api/v2/metadef_objects.py``, ``metadef_properties.py``, ``metadef_tags.py``.
    """

    def __init__(self, database: Database, access: NamespaceAccess, notifications: MetadefNotificationBuilder) -> None:
        self._database = database
        self._access = access
        self._notifications = notifications

    async def list_page(self, ctx: RequestContext, namespace: str, kind: Kind, page: MetadefPage) -> list[Item]:
        async with self._database.read() as db:
            found = await self._access.get(ctx, db, namespace, LIST_RULE[kind])
            marker = None if page.marker is None else await _get(db, found, kind, page.marker)
            return await rows.list_page(db, found.id, kind, page, marker)

    async def list_all(self, ctx: RequestContext, namespace: str, kind: Kind) -> list[Item]:
        async with self._database.read() as db:
            found = await self._access.get(ctx, db, namespace, LIST_RULE[kind])
            return await rows.ITEMS.find(db, namespace_id=found.id, kind=kind)

    async def get(
        self, ctx: RequestContext, namespace: str, kind: Kind, name: str, resource_type: str | None = None
    ) -> Item:
        """``resource_type``: ``name`` is the item's name on a resource of this type, with its prefix."""
        also = ("get_metadef_resource_type",) if resource_type else ()
        async with self._database.read() as db:
            found = await self._access.get(ctx, db, namespace, f"get_metadef_{kind}", *also)
            if resource_type:
                associations = {each.name: each for each in await namespace_rows.list_associations(db, [found.id])}
                if resource_type not in associations:
                    raise AssociationNotFound(name=resource_type, namespace=namespace)
                prefix = associations[resource_type].prefix
                if not prefix or not name.startswith(prefix):
                    raise PrefixMissing(name=name, prefix=prefix)
                name = name.removeprefix(prefix)
            return await _get(db, found, kind, name)

    async def add(
        self, ctx: RequestContext, namespace: str, kind: Kind, name: str, definition: Mapping[str, Any]
    ) -> Item:
        async with self._database.work(ctx) as uow:
            found = await self._access.lock(ctx, uow, namespace, f"add_metadef_{kind}")
            created = await rows.insert(uow, found.id, [(kind, name, definition)])
            if not created:
                raise ItemExists(kind=kind, name=name, namespace=namespace)
            uow.notify(self._notifications.item("create", namespace, created[0]))
        return created[0]

    async def add_tags(self, ctx: RequestContext, namespace: str, names: Sequence[str], *, append: bool) -> None:
        """Replaces the tags, or adds to them with ``append``; an empty list changes nothing."""
        async with self._database.work(ctx) as uow:
            found = await self._access.lock(ctx, uow, namespace, "add_metadef_tags")
            if names and not append:
                await rows.delete(uow, found.id, TAG)
            created = await rows.insert(uow, found.id, [(TAG, name, {}) for name in names])
            if len(created) < len(names):
                new = [item.name for item in created]
                taken = next(name for index, name in enumerate(names) if name not in new or name in names[:index])
                raise ItemExists(kind=TAG, name=taken, namespace=namespace)
            for item in created:
                uow.notify(self._notifications.item("create", namespace, item))

    async def update(
        self, ctx: RequestContext, namespace: str, kind: Kind, old: str, name: str, definition: Mapping[str, Any]
    ) -> Item:
        """Replaces all of the item called ``old``, its name included."""
        async with self._database.work(ctx) as uow:
            found = await self._access.lock(ctx, uow, namespace, f"modify_metadef_{kind}")
            before = await _get(uow, found, kind, old)
            if name != old and await rows.get(uow, found.id, kind, name) is not None:
                raise ItemExists(kind=kind, name=name, namespace=namespace)
            after = await rows.ITEMS.update(uow, before.id, name=name, definition=dict(definition))
            if after is None:
                raise ItemNotFound(kind=kind, name=old, namespace=namespace)
            uow.notify(self._notifications.item("update", namespace, after, old=old))
        return after

    async def delete(self, ctx: RequestContext, namespace: str, kind: Kind, name: str) -> None:
        async with self._database.work(ctx) as uow:
            found = await self._access.lock(ctx, uow, namespace, DELETE_RULE[kind])
            deleted = await rows.delete(uow, found.id, kind, name)
            if not deleted:
                raise ItemNotFound(kind=kind, name=name, namespace=namespace)
            if found.protected:
                raise ItemProtected(kind=kind, name=name)
            uow.notify(self._notifications.item("delete", namespace, deleted[0], deleted_at=uow.now))

    async def delete_all(self, ctx: RequestContext, namespace: str, kind: Kind) -> None:
        async with self._database.work(ctx) as uow:
            found = await self._access.lock(ctx, uow, namespace, *CLEAR_RULES[kind])
            if found.protected:
                raise NamespaceProtected(namespace=namespace)
            await rows.delete(uow, found.id, kind)
            uow.notify(self._notifications.all_deleted(kind, found))


async def _get(session: Session, namespace: Namespace, kind: Kind, name: str) -> Item:
    item = await rows.get(session, namespace.id, kind, name)
    if item is None:
        raise ItemNotFound(kind=kind, name=name, namespace=namespace.namespace)
    return item
