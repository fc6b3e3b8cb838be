"""Namespaces of metadata definitions, and resource types: the handlers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.paging import link, origin
from stackwire.http.request import CONTEXT, json_body, read, respond
from stackwire.image.domain.metadefs import NAMESPACE_SORTS, read_page
from stackwire.image.domain.metadefs_requests import AssociationWish, NamespaceWish, check_writable
from stackwire.image.flows.api.metadef_namespaces import Namespaces
from stackwire.image.http.images import check_no_body, no_content
from stackwire.image.http.metadef_views import (
    NAMESPACES,
    SCHEMAS,
    association_view,
    detail_view,
    namespace_view,
    resource_type_view,
)

READ_ONLY = ("self", "schema", "created_at", "updated_at")
TIMES = ("created_at", "updated_at")
INSIDE = ("resource_type_associations", "properties", "objects", "tags")


class NamespaceHandlers:
    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    async def index(self, request: web.Request) -> web.Response:
        pairs = list(request.query.items())
        page = read_page(pairs, NAMESPACE_SORTS, visibilities=("public", "private"), by_type=True)
        found, more = await self._namespaces.page(request[CONTEXT], page)
        kept = [(name, value) for name, value in pairs if name != "marker"]
        body: dict[str, Any] = {
            "namespaces": [detail_view(each) for each in found],
            "first": link(NAMESPACES, kept) if kept else NAMESPACES,
            "schema": f"{SCHEMAS}/namespaces",
        }
        if more and found:
            body["next"] = link(NAMESPACES, kept, marker=found[-1].namespace.namespace)
        return respond(200, body)

    async def create(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, READ_ONLY)
        made = await self._namespaces.create(request[CONTEXT], read(NamespaceWish, body))
        where = f"{origin(request)}{NAMESPACES}/{quote(made.namespace.namespace, safe=':')}"
        return respond(201, detail_view(made), {"Location": where})

    async def show(self, request: web.Request) -> web.Response:
        detail = await self._namespaces.show(request[CONTEXT], request.match_info["namespace"])
        return respond(200, detail_view(detail, only(request, "resource_type")))

    async def update(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, READ_ONLY)
        wish = read(NamespaceWish, body)
        name = request.match_info["namespace"]
        await self._check_inside(request, name, body)
        return respond(200, namespace_view(await self._namespaces.update(request[CONTEXT], name, wish)))

    async def _check_inside(self, request: web.Request, name: str, body: Mapping[str, Any]) -> None:
        """What is in a namespace is changed at its own address: clients that send it along send what they got."""
        told = [what for what in INSIDE if body.get(what)]
        if told:
            there = detail_view(await self._namespaces.show(request[CONTEXT], name))
            for what in told:
                if body[what] != there.get(what):
                    raise BadRequest(f"The {what} of a namespace are not changed with it, but on their own.")

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._namespaces.delete(request[CONTEXT], request.match_info["namespace"])
        return no_content()

    async def resource_types(self, request: web.Request) -> web.Response:
        found = await self._namespaces.resource_types(request[CONTEXT])
        return respond(200, {"resource_types": [resource_type_view(each) for each in found]})

    async def associations(self, request: web.Request) -> web.Response:
        found = await self._namespaces.associations(request[CONTEXT], request.match_info["namespace"])
        return respond(200, {"resource_type_associations": [association_view(each) for each in found]})

    async def associate(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        check_writable(body, TIMES)
        wish = read(AssociationWish, body)
        made = await self._namespaces.associate(request[CONTEXT], request.match_info["namespace"], wish)
        return respond(201, association_view(made))

    async def dissociate(self, request: web.Request) -> web.Response:
        check_no_body(request)
        names = request.match_info
        await self._namespaces.dissociate(request[CONTEXT], names["namespace"], names["resource_type"])
        return no_content()


def only(request: web.Request, name: str) -> str | None:
    """The one thing the query may say."""
    for other in request.query:
        if other != name:
            raise BadRequest(f"'{other[:80]}' is not asked for here.")
    return request.query.get(name) or None
