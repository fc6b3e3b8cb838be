"""Namespaces of metadata definitions, and resource types: the handlers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.paging import link, origin
from stackwire.http.request import CONTEXT, read, respond
from stackwire.image.domain.metadefs import NAMESPACE_SORTS, read_page
from stackwire.image.domain.metadefs_requests import AssociationRequest, NamespaceRequest, check_writable
from stackwire.image.flows.api.metadef_namespaces import MetadefNamespaces
from stackwire.image.http.bodies import body_of, check_no_body, no_content
from stackwire.image.http.views import (
    METADEF_SCHEMAS,
    NAMESPACES,
    association_view,
    namespace_details_view,
    namespace_view,
    resource_type_view,
)

READ_ONLY = ("self", "schema", "created_at", "updated_at")
TIMES = ("created_at", "updated_at")
CONTENTS = ("resource_type_associations", "properties", "objects", "tags")


class MetadefNamespaceHandlers:
    """Source: ``glance/api/v2/metadef_namespaces.py`` and ``metadef_resource_types.py``."""

    def __init__(self, namespaces: MetadefNamespaces) -> None:
        self._namespaces = namespaces

    async def index(self, request: web.Request) -> web.Response:
        pairs = list(request.query.items())
        page = read_page(pairs, NAMESPACE_SORTS, visibilities=("public", "private"), by_type=True)
        found, more = await self._namespaces.list_page(request[CONTEXT], page)
        kept = [(name, value) for name, value in pairs if name != "marker"]
        body: dict[str, Any] = {
            "namespaces": [namespace_details_view(each) for each in found],
            "first": link(NAMESPACES, kept) if kept else NAMESPACES,
            "schema": f"{METADEF_SCHEMAS}/namespaces",
        }
        if more and found:
            body["next"] = link(NAMESPACES, kept, marker=found[-1].namespace.namespace)
        return respond(200, body)

    async def create(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        check_writable(body, READ_ONLY)
        created = await self._namespaces.create(request[CONTEXT], read(NamespaceRequest, body))
        location = f"{origin(request)}{NAMESPACES}/{quote(created.namespace.namespace, safe=':')}"
        return respond(201, namespace_details_view(created), {"Location": location})

    async def show(self, request: web.Request) -> web.Response:
        details = await self._namespaces.get(request[CONTEXT], request.match_info["namespace"])
        return respond(200, namespace_details_view(details, request.query.get("resource_type") or None))

    async def update(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        check_writable(body, READ_ONLY)
        namespace = read(NamespaceRequest, body)
        name = request.match_info["namespace"]
        await self._check_contents(request, name, body)
        return respond(200, namespace_view(await self._namespaces.update(request[CONTEXT], name, namespace)))

    async def _check_contents(self, request: web.Request, name: str, body: Mapping[str, Any]) -> None:
        """A namespace's contents have URLs of their own: clients that send them along send what they were shown."""
        sent = [field for field in CONTENTS if body.get(field)]
        if sent:
            current = namespace_details_view(await self._namespaces.get(request[CONTEXT], name))
            for field in sent:
                if body[field] != current.get(field):
                    raise BadRequest(f"The {field} of a namespace are not changed with it, but on their own.")

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._namespaces.delete(request[CONTEXT], request.match_info["namespace"])
        return no_content()

    async def resource_types(self, request: web.Request) -> web.Response:
        found = await self._namespaces.list_resource_types(request[CONTEXT])
        return respond(200, {"resource_types": [resource_type_view(each) for each in found]})

    async def associations(self, request: web.Request) -> web.Response:
        """The resource types a namespace is associated with."""
        found = await self._namespaces.list_associations(request[CONTEXT], request.match_info["namespace"])
        return respond(200, {"resource_type_associations": [association_view(each) for each in found]})

    async def associate(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        check_writable(body, TIMES)
        association = read(AssociationRequest, body)
        created = await self._namespaces.associate(request[CONTEXT], request.match_info["namespace"], association)
        return respond(201, association_view(created))

    async def dissociate(self, request: web.Request) -> web.Response:
        check_no_body(request)
        path = request.match_info
        await self._namespaces.dissociate(request[CONTEXT], path["namespace"], path["resource_type"])
        return no_content()
