"""Namespaces of metadata definitions, and the resource types they are for."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import metadef_items as item_rows
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs import (
    Association,
    Detail,
    Item,
    Namespace,
    Page,
    ResourceType,
)
from stackwire.image.domain.metadefs_errors import (
    AssociationExists,
    AssociationNotFound,
    AssociationProtected,
    ItemExists,
    NamespaceExists,
    NamespaceNotFound,
    NamespaceProtected,
)
from stackwire.image.domain.metadefs_notifications import MetadefVoice
from stackwire.image.domain.metadefs_requests import AssociationWish, NamespaceWish
from stackwire.image.flows.metadefs_access import Gate
from stackwire.image.onion.authorization import is_admin

INSIDE = ("list_metadef_resource_types", "get_metadef_objects", "get_metadef_properties", "get_metadef_tags")
ADDING = {
    "resource_type_associations": "add_metadef_resource_type_association",
    "objects": "add_metadef_object",
    "properties": "add_metadef_property",
    "tags": "add_metadef_tag",
}


class Namespaces:
    """``default_page`` and ``longest_page`` in namespaces."""

    def __init__(
        self, database: Database, gate: Gate, voice: MetadefVoice, *, default_page: int, longest_page: int
    ) -> None:
        self._database = database
        self._gate = gate
        self._voice = voice
        self._default_page = default_page
        self._longest_page = longest_page

    async def page(self, ctx: RequestContext, page: Page) -> tuple[list[Detail], bool]:
        """A page, with associations alone, and whether there may be another."""
        self._gate.anywhere(ctx, "get_metadef_namespaces")
        limit = min(self._default_page if page.limit is None else page.limit, self._longest_page)
        async with self._database.read() as db:
            after = None if page.marker is None else await self._gate.seen(ctx, db, page.marker)
            found = await rows.page(
                db, page, limit, project_id=ctx.project_id, all_projects=is_admin(ctx), after=after
            )  # fmt: skip
            associated = await rows.associations(db, [each.id for each in found]) if found else []
        of: dict[int, list[Association]] = {}
        for each in associated:
            of.setdefault(each.namespace_id, []).append(each)
        shown = [Detail(namespace=n, associations=of.get(n.id, ())) for n in found if self._gate.shows(ctx, n)]
        return shown, bool(found) and len(found) == limit

    async def show(self, ctx: RequestContext, name: str) -> Detail:
        async with self._database.read() as db:
            namespace = await self._gate.seen(ctx, db, name, *INSIDE)
            return Detail(
                namespace=namespace,
                associations=await rows.associations(db, [namespace.id]),
                items=await item_rows.of_namespace(db, namespace.id),
            )

    async def create(self, ctx: RequestContext, wish: NamespaceWish) -> Detail:
        """All of it or nothing."""
        self._gate.anywhere(ctx, "add_metadef_namespace", *(ADDING[what] for what in ADDING if getattr(wish, what)))
        async with self._database.work(ctx) as uow:
            await rows.lock_names(uow)
            made = await self._insert(uow, wish)
            uow.notify(self._voice.namespace("metadef_namespace.create", made.namespace))
            for association in made.associations:
                uow.notify(self._voice.association("create", wish.namespace, association))
            for item in made.items:
                uow.notify(self._voice.item("create", wish.namespace, item))
        return made

    async def _insert(self, uow: UnitOfWork, wish: NamespaceWish) -> Detail:
        namespace = await rows.try_insert(uow, wish.row(uow.ctx.project_id))
        if namespace is None:
            raise NamespaceExists(namespace=wish.namespace)
        wished = wish.resource_type_associations
        await rows.add_types(uow, [each.name for each in wished])
        associated = [await _associated(uow, namespace, each) for each in wished]
        return Detail(namespace=namespace, associations=associated, items=await _filled(uow, namespace, wish))

    async def update(self, ctx: RequestContext, name: str, wish: NamespaceWish) -> Namespace:
        """The whole namespace, itself: what was not asked for is as in a new one. What is in it stays."""
        async with self._database.work(ctx) as uow:
            await rows.lock_names(uow)
            before = await self._gate.held(ctx, uow, name, "modify_metadef_namespace")
            if wish.namespace != name and await rows.taken(uow, wish.namespace, before.id):
                raise NamespaceExists(namespace=wish.namespace)
            after = await rows.update(uow, before.id, wish.row(ctx.project_id))
            if after is None:
                raise NamespaceNotFound(namespace=name)
            uow.notify(self._voice.namespace("metadef_namespace.update", after, old=name))
        return after

    async def delete(self, ctx: RequestContext, name: str) -> None:
        """With everything in it."""
        async with self._database.work(ctx) as uow:
            gone = await self._gate.held(ctx, uow, name, "delete_metadef_namespace")
            if gone.protected:
                raise NamespaceProtected(namespace=name)
            await rows.delete(uow, gone.id)
            uow.notify(self._voice.namespace("metadef_namespace.delete", gone, deleted_at=uow.now))

    async def resource_types(self, ctx: RequestContext) -> list[ResourceType]:
        self._gate.anywhere(ctx, "list_metadef_resource_types")
        async with self._database.read() as db:
            return await rows.resource_types(db)

    async def associations(self, ctx: RequestContext, name: str) -> list[Association]:
        async with self._database.read() as db:
            namespace = await self._gate.seen(ctx, db, name, "list_metadef_resource_types")
            return await rows.associations(db, [namespace.id])

    async def associate(self, ctx: RequestContext, name: str, wish: AssociationWish) -> Association:
        """A resource type that nobody knew is known from now on."""
        async with self._database.work(ctx) as uow:
            namespace = await self._gate.held(ctx, uow, name, "add_metadef_resource_type_association")
            await rows.add_types(uow, [wish.name])
            made = await _associated(uow, namespace, wish)
            uow.notify(self._voice.association("create", name, made))
        return made

    async def dissociate(self, ctx: RequestContext, name: str, resource_type: str) -> None:
        async with self._database.work(ctx) as uow:
            namespace = await self._gate.held(ctx, uow, name, "remove_metadef_resource_type_association")
            gone = await rows.dissociate(uow, namespace.id, resource_type)
            if gone is None:
                raise AssociationNotFound(name=resource_type, namespace=name)
            if namespace.protected:
                raise AssociationProtected(name=resource_type)
            uow.notify(self._voice.association("delete", name, gone, deleted_at=uow.now))


async def _associated(uow: UnitOfWork, namespace: Namespace, wish: AssociationWish) -> Association:
    made = await rows.try_associate(uow, namespace.id, wish.name, wish.prefix, wish.properties_target)
    if made is None:
        raise AssociationExists(name=wish.name, namespace=namespace.namespace)
    return made


async def _filled(uow: UnitOfWork, namespace: Namespace, wish: NamespaceWish) -> list[Item]:
    wished = wish.items()
    made = await item_rows.insert(uow, namespace.id, wished)
    if len(made) < len(wished):
        twice = next(each for at, each in enumerate(wished) if each[:2] in [other[:2] for other in wished[:at]])
        raise ItemExists(kind=twice[0], name=twice[1], namespace=namespace.namespace)
    return made
