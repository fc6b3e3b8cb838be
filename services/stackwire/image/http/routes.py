"""The image API on a page, v1 below v2."""

import re
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.app import Route
from stackwire.image.domain.registry_options import THROUGH_REGISTRY
from stackwire.image.flows.registry import ApiFlows
from stackwire.image.http.bodies import check_no_body
from stackwire.image.http.cache import CacheHandlers
from stackwire.image.http.image_data import ImageDataHandlers
from stackwire.image.http.images import ImageHandlers
from stackwire.image.http.imports import ImportHandlers
from stackwire.image.http.json_schemas import SchemaHandlers
from stackwire.image.http.locations import LocationHandlers
from stackwire.image.http.members import MemberHandlers
from stackwire.image.http.metadef_items import MetadefObjectHandlers, MetadefPropertyHandlers, MetadefTagHandlers
from stackwire.image.http.metadef_namespaces import MetadefNamespaceHandlers
from stackwire.image.http.stores import StoreHandlers
from stackwire.image.http.tasks import TaskHandlers
from stackwire.image.http.transfers import Transfers
from stackwire.image.http.usage import UsageHandlers
from stackwire.image.http.v1_images import V1ImageHandlers
from stackwire.image.http.v1_members import V1MemberHandlers
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.http.views import NAMESPACES

IMAGE = "/v2/images/{image_id}"
NAMESPACE = f"{NAMESPACES}/{{namespace}}"
V1_IMAGE = "/v1/images/{image_id}"
_NOT_THROUGH_REGISTRY = (
    *(f"{IMAGE}/{part}" for part in ("stage", "import", "tasks", "locations")),
    *("/v2/tasks", "/v2/stores/", "/v2/info/usage", "/v2/metadefs/", "/v2/cache"),
)
"""Beginnings of what needs tasks, metadata definitions, or the rows of copies."""


class _Handlers:
    """The handlers of every resource, each over the flows it calls."""

    def __init__(
        self, flows: ApiFlows, transfers: Transfers, versions: VersionHandlers, import_methods: Sequence[str]
    ) -> None:
        self.images = ImageHandlers(flows.images, flows.stores, import_methods)
        self.data = ImageDataHandlers(flows.data, flows.downloads, transfers)
        self.imports = ImportHandlers(flows.imports, import_methods)
        self.locations = LocationHandlers(flows.locations)
        self.members = MemberHandlers(flows.members)
        self.tasks = TaskHandlers(flows.tasks)
        self.stores = StoreHandlers(flows.stores, flows.store_removal)
        self.usage = UsageHandlers(flows.usage)
        self.versions = versions
        self.cache = CacheHandlers(flows.cache)
        self.schemas = SchemaHandlers()
        self.namespaces = MetadefNamespaceHandlers(flows.metadef_namespaces)
        self.objects = MetadefObjectHandlers(flows.metadef_items)
        self.properties = MetadefPropertyHandlers(flows.metadef_items)
        self.tags = MetadefTagHandlers(flows.metadef_items)


def routes(
    flows: ApiFlows, transfers: Transfers, versions: VersionHandlers, *, import_methods: Sequence[str]
) -> list[Route]:
    """Every route, in the order of the document (``make openapi``); v1 only in the releases that have it.

    ``import_methods``: that are enabled.
    """
    to = _Handlers(flows, transfers, versions, import_methods)
    v1: list[Route] = []
    if flows.v1 is not None:
        handlers = V1ImageHandlers(flows.v1.images, transfers), V1MemberHandlers(flows.v1.members)
        v1 = [*_v1(*handlers), Route("*", "/{version:v1/?}", to.versions.unknown, public=True)]
    served = "|".join(re.escape(name) for name in (*versions.names, *(["v1"] if v1 else [])))
    unknown = Route("*", f"/{{rest:(?!(?:{served})(?:/|$))(?s:.*)}}", to.versions.unknown, public=True)
    artifacts = [
        Route("*", f"/{version}/artifacts{{tail:(/.*)?}}", to.versions.artifacts, public=True)
        for version in ("v3", "v0.1")
    ]
    table = _table(to, v1)
    if flows.is_through_registry:
        table = [_through_registry(route) for route in table]
    return [_resource(route) for route in (*table, *artifacts, unknown)]


def _through_registry(route: Route) -> Route:
    """The route, or a refusal where it needs rows that glance-registry does not give."""
    if not route.path.startswith(_NOT_THROUGH_REGISTRY):
        return route

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise NotSimulated(what=f"{route.method} {route.path} through glance-registry (data_api {THROUGH_REGISTRY})")

    return replace(route, handler=refuse)


def _table(to: _Handlers, v1: Sequence[Route]) -> list[Route]:
    return [
        Route("*", "/", to.versions.root, public=True),
        Route("*", "/versions{tail:(/.*)?}", to.versions.explicit, public=True),
        Route("*", "/v2", to.versions.redirect),
        *v1,
        Route("GET", "/v2/images", to.images.index),
        Route("POST", "/v2/images", to.images.create),
        Route("GET", IMAGE, to.images.show),
        Route("PATCH", IMAGE, to.images.update),
        Route("DELETE", IMAGE, to.images.delete),
        Route("PUT", f"{IMAGE}/file", to.data.upload),
        Route("GET", f"{IMAGE}/file", to.data.download),
        Route("PUT", f"{IMAGE}/stage", to.data.stage),
        Route("POST", f"{IMAGE}/import", to.imports.start),
        Route("GET", f"{IMAGE}/tasks", to.imports.tasks),
        Route("GET", f"{IMAGE}/locations", to.locations.index),
        Route("POST", f"{IMAGE}/locations", to.locations.create),
        Route("PUT", f"{IMAGE}/tags/{{tag}}", to.images.add_tag),
        Route("DELETE", f"{IMAGE}/tags/{{tag}}", to.images.remove_tag),
        Route("POST", f"{IMAGE}/actions/deactivate", to.images.deactivate),
        Route("POST", f"{IMAGE}/actions/reactivate", to.images.reactivate),
        Route("GET", f"{IMAGE}/members", to.members.index),
        Route("POST", f"{IMAGE}/members", to.members.create),
        Route("GET", f"{IMAGE}/members/{{member}}", to.members.show),
        Route("PUT", f"{IMAGE}/members/{{member}}", to.members.update),
        Route("DELETE", f"{IMAGE}/members/{{member}}", to.members.delete),
        Route("GET", "/v2/tasks", to.tasks.index),
        Route("POST", "/v2/tasks", to.tasks.create),
        Route("GET", "/v2/tasks/{task_id}", to.tasks.show),
        Route("GET", "/v2/info/import", to.imports.methods),
        Route("GET", "/v2/info/stores", to.stores.index),
        Route("GET", "/v2/info/stores/detail", to.stores.detail),
        Route("DELETE", "/v2/stores/{store}/{image_id}", to.stores.remove_image),
        Route("GET", "/v2/info/usage", to.usage.show),
        Route("GET", "/v2/metadefs/resource_types", to.namespaces.resource_types),
        Route("GET", NAMESPACES, to.namespaces.index),
        Route("POST", NAMESPACES, to.namespaces.create),
        Route("GET", NAMESPACE, to.namespaces.show),
        Route("PUT", NAMESPACE, to.namespaces.update),
        Route("DELETE", NAMESPACE, to.namespaces.delete),
        Route("GET", f"{NAMESPACE}/resource_types", to.namespaces.associations),
        Route("POST", f"{NAMESPACE}/resource_types", to.namespaces.associate),
        Route("DELETE", f"{NAMESPACE}/resource_types/{{resource_type}}", to.namespaces.dissociate),
        Route("GET", f"{NAMESPACE}/objects", to.objects.index),
        Route("POST", f"{NAMESPACE}/objects", to.objects.create),
        Route("DELETE", f"{NAMESPACE}/objects", to.objects.delete_all),
        Route("GET", f"{NAMESPACE}/objects/{{name}}", to.objects.show),
        Route("PUT", f"{NAMESPACE}/objects/{{name}}", to.objects.update),
        Route("DELETE", f"{NAMESPACE}/objects/{{name}}", to.objects.delete),
        Route("GET", f"{NAMESPACE}/properties", to.properties.index),
        Route("POST", f"{NAMESPACE}/properties", to.properties.create),
        Route("DELETE", f"{NAMESPACE}/properties", to.properties.delete_all),
        Route("GET", f"{NAMESPACE}/properties/{{name}}", to.properties.show),
        Route("PUT", f"{NAMESPACE}/properties/{{name}}", to.properties.update),
        Route("DELETE", f"{NAMESPACE}/properties/{{name}}", to.properties.delete),
        Route("GET", f"{NAMESPACE}/tags", to.tags.index),
        Route("POST", f"{NAMESPACE}/tags", to.tags.create_all),
        Route("DELETE", f"{NAMESPACE}/tags", to.tags.delete_all),
        Route("GET", f"{NAMESPACE}/tags/{{name}}", to.tags.show),
        Route("POST", f"{NAMESPACE}/tags/{{name}}", to.tags.create),
        Route("PUT", f"{NAMESPACE}/tags/{{name}}", to.tags.update),
        Route("DELETE", f"{NAMESPACE}/tags/{{name}}", to.tags.delete),
        Route("GET", "/v2/cache", to.cache.index),
        Route("DELETE", "/v2/cache", to.cache.clear),
        Route("POST", "/v2/cache/clean", to.cache.clean),
        Route("POST", "/v2/cache/prune", to.cache.prune),
        Route("GET", "/v2/cache/nodes/{image_id}", to.cache.nodes),
        Route("PUT", "/v2/cache/{image_id}", to.cache.queue),
        Route("DELETE", "/v2/cache/{image_id}", to.cache.remove),
        Route("GET", "/v2/schemas/metadefs/{name}", to.schemas.show_metadef),
        Route("GET", "/v2/schemas/{name}", to.schemas.show),
    ]


def _v1(images: V1ImageHandlers, members: V1MemberHandlers) -> list[Route]:
    return [
        Route("GET", "/v1/images", images.index),
        Route("POST", "/v1/images", images.create),
        Route("GET", "/v1/images/detail", images.detail),
        Route("HEAD", V1_IMAGE, images.head),
        Route("GET", V1_IMAGE, images.show),
        Route("PUT", V1_IMAGE, images.update),
        Route("DELETE", V1_IMAGE, images.delete),
        Route("GET", f"{V1_IMAGE}/members", members.index),
        Route("PUT", f"{V1_IMAGE}/members", members.replace),
        Route("PUT", f"{V1_IMAGE}/members/{{member}}", members.add),
        Route("DELETE", f"{V1_IMAGE}/members/{{member}}", members.remove),
        Route("GET", "/v1/shared-images/{member}", members.shared),
    ]


def _resource(route: Route) -> Route:
    """The route with what every one of a single resource does: ids are in lower case, and reading takes no body.

    Source: ``glance/api/v2/router.py``, ``body_reject``.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if route.method == "GET":
            check_no_body(request)
        if image_id := request.match_info.get("image_id"):
            request.match_info["image_id"] = image_id.lower()
        return await route.handler(request)

    return replace(route, handler=handle) if "{" in route.path and not route.public else route
