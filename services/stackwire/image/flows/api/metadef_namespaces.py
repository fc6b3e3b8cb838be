"""Namespaces of metadata definitions, and the resource types they are for."""

from collections import defaultdict

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import metadef_items as item_rows
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs import Association, Item, MetadefPage, Namespace, NamespaceDetails, ResourceType
from stackwire.image.domain.metadefs_errors import (
    AssociationExists,
    AssociationNotFound,
    AssociationProtected,
    ItemExists,
    NamespaceExists,
    NamespaceNotFound,
    NamespaceProtected,
)
from stackwire.image.domain.metadefs_notifications import MetadefNotificationBuilder
from stackwire.image.domain.metadefs_requests import AssociationRequest, NamespaceRequest
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.metadefs_access import NamespaceAccess
from stackwire.image.onion.authorization import is_admin

CONTENT_RULES = ("list_metadef_resource_types", "get_metadef_objects", "get_metadef_properties", "get_metadef_tags")
"""What one needs to see a namespace whole."""
ADD_RULES = {
    "resource_type_associations": "add_metadef_resource_type_association",
    "objects": "add_metadef_object",
    "properties": "add_metadef_property",
    "tags": "add_metadef_tag",
}


class MetadefNamespaces:
    """Source: ``glance/api/v2/metadef_namespaces.py``."""

    def __init__(self, deps: FlowDeps, access: NamespaceAccess, notifications: MetadefNotificationBuilder) -> None:
        self._deps = deps
        self._database = deps.database
        self._access = access
        self._notifications = notifications

    async def list_page(self, ctx: RequestContext, page: MetadefPage) -> tuple[list[NamespaceDetails], bool]:
        """A page, with associations only, and whether there may be another."""
        self._access.require(ctx, "get_metadef_namespaces")
        default, maximum = self._deps.default_page_size, self._deps.max_page_size
        limit = min(default if page.limit is None else page.limit, maximum)
        async with self._database.read() as db:
            marker = None if page.marker is None else await self._access.get(ctx, db, page.marker)
            admin = is_admin(ctx)
            found = await rows.list_page(db, page, limit, project_id=ctx.project_id, all_projects=admin, marker=marker)
            associations = await rows.list_associations(db, [each.id for each in found]) if found else []
        by_namespace: dict[int, list[Association]] = defaultdict(list)
        for each in associations:
            by_namespace[each.namespace_id].append(each)
        visible = [each for each in found if self._access.is_visible(ctx, each)]
        details = [NamespaceDetails(namespace=each, associations=by_namespace[each.id]) for each in visible]
        return details, bool(found) and len(found) == limit

    async def get(self, ctx: RequestContext, name: str) -> NamespaceDetails:
        """A namespace with its contents."""
        async with self._database.read() as db:
            namespace = await self._access.get(ctx, db, name, *CONTENT_RULES)
            return NamespaceDetails(
                namespace=namespace,
                associations=await rows.list_associations(db, [namespace.id]),
                items=await item_rows.ITEMS.find(db, namespace_id=namespace.id),
            )

    async def create(self, ctx: RequestContext, request: NamespaceRequest) -> NamespaceDetails:
        """The namespace and all of its contents, or nothing."""
        rules = [rule for field, rule in ADD_RULES.items() if getattr(request, field)]
        self._access.require(ctx, "add_metadef_namespace", *rules)
        async with self._database.work(ctx) as uow:
            await rows.lock_names(uow)
            created = await self._insert(uow, request)
            uow.notify(self._notifications.namespace("metadef_namespace.create", created.namespace))
            for association in created.associations:
                uow.notify(self._notifications.association("create", request.namespace, association))
            for item in created.items:
                uow.notify(self._notifications.item("create", request.namespace, item))
        return created

    async def _insert(self, uow: UnitOfWork, request: NamespaceRequest) -> NamespaceDetails:
        namespace = await rows.try_insert(uow, request.row(uow.ctx.project_id))
        if namespace is None:
            raise NamespaceExists(namespace=request.namespace)
        requested = request.resource_type_associations
        await rows.add_resource_types(uow, [each.name for each in requested])
        associations = [await _associate(uow, namespace, each) for each in requested]
        items = await _insert_items(uow, namespace, request)
        return NamespaceDetails(namespace=namespace, associations=associations, items=items)

    async def update(self, ctx: RequestContext, name: str, request: NamespaceRequest) -> Namespace:
        """Replaces all of its attributes: what was not requested gets its default. Its contents stay."""
        async with self._database.work(ctx) as uow:
            await rows.lock_names(uow)
            before = await self._access.lock(ctx, uow, name, "modify_metadef_namespace")
            if request.namespace != name and await rows.is_taken(uow, request.namespace, before.id):
                raise NamespaceExists(namespace=request.namespace)
            after = await rows.NAMESPACES.update(uow, name, **request.row(ctx.project_id))
            if after is None:
                raise NamespaceNotFound(namespace=name)
            uow.notify(self._notifications.namespace("metadef_namespace.update", after, old=name))
        return after

    async def delete(self, ctx: RequestContext, name: str) -> None:
        """The namespace and its contents."""
        async with self._database.work(ctx) as uow:
            namespace = await self._access.lock(ctx, uow, name, "delete_metadef_namespace")
            if namespace.protected:
                raise NamespaceProtected(namespace=name)
            await rows.NAMESPACES.delete(uow, name)
            uow.notify(self._notifications.namespace("metadef_namespace.delete", namespace, deleted_at=uow.now))

    async def list_resource_types(self, ctx: RequestContext) -> list[ResourceType]:
        self._access.require(ctx, "list_metadef_resource_types")
        async with self._database.read() as db:
            return await rows.RESOURCE_TYPES.find(db, order="id")

    async def list_associations(self, ctx: RequestContext, name: str) -> list[Association]:
        async with self._database.read() as db:
            namespace = await self._access.get(ctx, db, name, "list_metadef_resource_types")
            return await rows.list_associations(db, [namespace.id])

    async def associate(self, ctx: RequestContext, name: str, request: AssociationRequest) -> Association:
        """Associates a resource type, which is created if it does not exist."""
        async with self._database.work(ctx) as uow:
            namespace = await self._access.lock(ctx, uow, name, "add_metadef_resource_type_association")
            await rows.add_resource_types(uow, [request.name])
            created = await _associate(uow, namespace, request)
            uow.notify(self._notifications.association("create", name, created))
        return created

    async def dissociate(self, ctx: RequestContext, name: str, resource_type: str) -> None:
        async with self._database.work(ctx) as uow:
            namespace = await self._access.lock(ctx, uow, name, "remove_metadef_resource_type_association")
            removed = await rows.dissociate(uow, namespace.id, resource_type)
            if removed is None:
                raise AssociationNotFound(name=resource_type, namespace=name)
            if namespace.protected:
                raise AssociationProtected(name=resource_type)
            uow.notify(self._notifications.association("delete", name, removed, deleted_at=uow.now))


async def _associate(uow: UnitOfWork, namespace: Namespace, request: AssociationRequest) -> Association:
    created = await rows.try_associate(uow, namespace.id, request.name, request.prefix, request.properties_target)
    if created is None:
        raise AssociationExists(name=request.name, namespace=namespace.namespace)
    return created


async def _insert_items(uow: UnitOfWork, namespace: Namespace, request: NamespaceRequest) -> list[Item]:
    items = request.items()
    created = await item_rows.insert(uow, namespace.id, items)
    if len(created) < len(items):
        keys = [(kind, name) for kind, name, _ in items]
        kind, name = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise ItemExists(kind=kind, name=name, namespace=namespace.namespace)
    return created
