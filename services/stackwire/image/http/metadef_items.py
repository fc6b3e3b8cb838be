"""Objects, properties and tags of metadata definitions: the handlers."""

from aiohttp import web

from stackwire.http.middlewares import Handler
from stackwire.http.request import CONTEXT, json_body, read, respond
from stackwire.image.domain.metadefs import ITEM_SORTS, OBJECT, PROPERTY, TAG, Kind, read_page
from stackwire.image.domain.metadefs_requests import NamedProperty, ObjectWish, TagsWish, TagWish, check_writable
from stackwire.image.flows.api.metadef_items import Items
from stackwire.image.http.images import check_no_body, no_content
from stackwire.image.http.metadef_namespaces import READ_ONLY, TIMES, only
from stackwire.image.http.metadef_views import object_view, property_view, tag_view

APPEND = "X-Openstack-Append"
_TRUE = ("1", "t", "true", "on", "y", "yes")


class ItemHandlers:
    def __init__(self, items: Items) -> None:
        self._items = items

    def remove(self, kind: Kind) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            check_no_body(request)
            names = request.match_info
            await self._items.remove(request[CONTEXT], names["namespace"], kind, names["name"])
            return no_content()

        return handle

    def clear(self, kind: Kind) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            check_no_body(request)
            await self._items.clear(request[CONTEXT], request.match_info["namespace"], kind)
            return no_content()

        return handle

    async def objects(self, request: web.Request) -> web.Response:
        name = request.match_info["namespace"]
        page = read_page(list(request.query.items()), ITEM_SORTS, visibilities=())
        found = await self._items.page(request[CONTEXT], name, OBJECT, page)
        views = [object_view(name, each) for each in found]
        return respond(200, {"objects": views, "schema": "v2/schemas/metadefs/objects"})

    async def add_object(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, READ_ONLY)
        wish, name = read(ObjectWish, body), request.match_info["namespace"]
        made = await self._items.add(request[CONTEXT], name, OBJECT, wish.name, wish.definition())
        return respond(201, object_view(name, made))

    async def show_object(self, request: web.Request) -> web.Response:
        names = request.match_info
        found = await self._items.one(request[CONTEXT], names["namespace"], OBJECT, names["name"])
        return respond(200, object_view(names["namespace"], found))

    async def change_object(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, READ_ONLY)
        wish, names = read(ObjectWish, body), request.match_info
        changed = await self._items.change(
            request[CONTEXT], names["namespace"], OBJECT, names["name"], wish.name, wish.definition()
        )
        return respond(200, object_view(names["namespace"], changed))

    async def properties(self, request: web.Request) -> web.Response:
        """By name; there are no pages."""
        only(request, "")
        found = await self._items.every(request[CONTEXT], request.match_info["namespace"], PROPERTY)
        return respond(200, {"properties": {each.name: dict(each.definition) for each in found}})

    async def add_property(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, TIMES)
        wish = read(NamedProperty, body)
        made = await self._items.add(
            request[CONTEXT], request.match_info["namespace"], PROPERTY, wish.name, wish.definition()
        )
        return respond(201, property_view(made))

    async def show_property(self, request: web.Request) -> web.Response:
        names = request.match_info
        found = await self._items.one(
            request[CONTEXT], names["namespace"], PROPERTY, names["name"], only(request, "resource_type")
        )
        return respond(200, property_view(found))

    async def change_property(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, TIMES)
        wish, names = read(NamedProperty, body), request.match_info
        changed = await self._items.change(
            request[CONTEXT], names["namespace"], PROPERTY, names["name"], wish.name, wish.definition()
        )
        return respond(200, property_view(changed))

    async def tags(self, request: web.Request) -> web.Response:
        page = read_page(list(request.query.items()), ITEM_SORTS, visibilities=())
        found = await self._items.page(request[CONTEXT], request.match_info["namespace"], TAG, page)
        return respond(200, {"tags": [{"name": each.name} for each in found]})

    async def add_tags(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, TIMES)
        names = [each.name for each in read(TagsWish, body).tags]
        append = request.headers.get(APPEND, "").strip().lower() in _TRUE
        await self._items.add_tags(request[CONTEXT], request.match_info["namespace"], names, append=append)
        return respond(201, {"tags": [{"name": name} for name in names]})

    async def add_tag(self, request: web.Request) -> web.Response:
        check_no_body(request)
        names = request.match_info
        wish = read(TagWish, {"name": names["name"]})
        return respond(201, tag_view(await self._items.add(request[CONTEXT], names["namespace"], TAG, wish.name, {})))

    async def show_tag(self, request: web.Request) -> web.Response:
        names = request.match_info
        return respond(200, tag_view(await self._items.one(request[CONTEXT], names["namespace"], TAG, names["name"])))

    async def change_tag(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, TIMES)
        wish, names = read(TagWish, body), request.match_info
        changed = await self._items.change(request[CONTEXT], names["namespace"], TAG, names["name"], wish.name, {})
        return respond(200, tag_view(changed))
