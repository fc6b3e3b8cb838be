"""Objects, properties and tags of metadata definitions: the handlers."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from stackwire.http.request import CONTEXT, read, respond
from stackwire.image.domain.metadefs import ITEM_SORTS, OBJECT, PROPERTY, TAG, Item, Kind, read_page
from stackwire.image.domain.metadefs_requests import (
    NamedProperty,
    ObjectRequest,
    TagRequest,
    TagsRequest,
    check_writable,
)
from stackwire.image.flows.api.metadef_items import MetadefItems
from stackwire.image.http.bodies import body_of, check_no_body, no_content
from stackwire.image.http.metadef_namespaces import READ_ONLY, TIMES
from stackwire.image.http.views import object_view, property_view, tag_view

APPEND = "X-Openstack-Append"
_TRUE = ("1", "t", "true", "on", "y", "yes")


class MetadefItemHandlers:
    """What the three kinds have in common. ``_view`` renders an item of a namespace."""

    _kind: Kind
    _model: type[ObjectRequest] | type[NamedProperty] | type[TagRequest]
    _view: Callable[[str, Item], dict[str, Any]]
    _read_only: tuple[str, ...] = TIMES

    def __init__(self, items: MetadefItems) -> None:
        self._items = items

    async def create(self, request: web.Request) -> web.Response:
        item, namespace = await self._requested(request), request.match_info["namespace"]
        created = await self._items.add(request[CONTEXT], namespace, self._kind, item.name, item.definition())
        return respond(201, self._view(namespace, created))

    async def show(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        return respond(200, self._view(namespace, await self._items.get(request[CONTEXT], namespace, self._kind, name)))

    async def update(self, request: web.Request) -> web.Response:
        item, namespace = await self._requested(request), request.match_info["namespace"]
        updated = await self._items.update(
            request[CONTEXT], namespace, self._kind, request.match_info["name"], item.name, item.definition()
        )
        return respond(200, self._view(namespace, updated))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        path = request.match_info
        await self._items.delete(request[CONTEXT], path["namespace"], self._kind, path["name"])
        return no_content()

    async def delete_all(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._items.delete_all(request[CONTEXT], request.match_info["namespace"], self._kind)
        return no_content()

    async def _page(self, request: web.Request) -> list[Item]:
        page = read_page(list(request.query.items()), ITEM_SORTS, visibilities=())
        return await self._items.list_page(request[CONTEXT], request.match_info["namespace"], self._kind, page)

    async def _requested(self, request: web.Request) -> ObjectRequest | NamedProperty | TagRequest:
        body = await body_of(request)
        check_writable(body, self._read_only)
        return read(self._model, body)


class MetadefObjectHandlers(MetadefItemHandlers):
    _kind = OBJECT
    _model = ObjectRequest
    _view = staticmethod(object_view)
    _read_only = READ_ONLY

    async def index(self, request: web.Request) -> web.Response:
        views = [self._view(request.match_info["namespace"], item) for item in await self._page(request)]
        return respond(200, {"objects": views, "schema": "v2/schemas/metadefs/objects"})


class MetadefPropertyHandlers(MetadefItemHandlers):
    _kind = PROPERTY
    _model = NamedProperty
    _view = staticmethod(property_view)

    async def index(self, request: web.Request) -> web.Response:
        """By name; there are no pages."""
        found = await self._items.list_all(request[CONTEXT], request.match_info["namespace"], PROPERTY)
        return respond(200, {"properties": {each.name: dict(each.definition) for each in found}})

    async def show(self, request: web.Request) -> web.Response:
        """With ``resource_type``, the name is the one on such a resource."""
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        resource_type = request.query.get("resource_type") or None
        found = await self._items.get(request[CONTEXT], namespace, PROPERTY, name, resource_type)
        return respond(200, self._view(namespace, found))


class MetadefTagHandlers(MetadefItemHandlers):
    _kind = TAG
    _model = TagRequest
    _view = staticmethod(tag_view)

    async def index(self, request: web.Request) -> web.Response:
        return respond(200, {"tags": [{"name": item.name} for item in await self._page(request)]})

    async def create_all(self, request: web.Request) -> web.Response:
        """Sets the tags of a namespace, or adds to them (``X-Openstack-Append``)."""
        body = await body_of(request)
        check_writable(body, TIMES)
        names = [each.name for each in read(TagsRequest, body).tags]
        append = request.headers.get(APPEND, "").strip().lower() in _TRUE
        await self._items.add_tags(request[CONTEXT], request.match_info["namespace"], names, append=append)
        return respond(201, {"tags": [{"name": name} for name in names]})

    async def create(self, request: web.Request) -> web.Response:
        """The tag is named in the path; there is no body."""
        check_no_body(request)
        namespace, tag = request.match_info["namespace"], read(TagRequest, {"name": request.match_info["name"]})
        created = await self._items.add(request[CONTEXT], namespace, TAG, tag.name, {})
        return respond(201, self._view(namespace, created))
