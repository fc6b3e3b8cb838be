"""The catalogue as services, endpoints and regions: to be read; it is made from settings."""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from stackwire.core.policy import Policy
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, respond
from stackwire.identity.domain.catalog import INTERFACES, Entry, catalog_view, endpoint_id
from stackwire.identity.domain.errors import Absent, NotPermitted

Entries = Callable[[str], Sequence[Entry]]
"""The services, given this service's own address as the client reached it."""


class Catalog:
    def __init__(self, entries: Entries, region: str, policy: Policy) -> None:
        self._entries = entries
        self._region = region
        self._policy = policy

    def of(self, request: web.Request, project_id: str | None) -> list[dict[str, Any]]:
        """The catalogue for one token."""
        return catalog_view(self._entries(origin(request)), self._region, project_id)

    async def services(self, request: web.Request) -> web.Response:
        self._policy.require(request[CONTEXT], "identity:list_services", error=NotPermitted)
        return _listing(request, "services", self._services(request), ("type", "name"))

    async def service(self, request: web.Request) -> web.Response:
        self._policy.require(request[CONTEXT], "identity:get_service", error=NotPermitted)
        return _one(request, "service", self._services(request))

    async def endpoints(self, request: web.Request) -> web.Response:
        self._policy.require(request[CONTEXT], "identity:list_endpoints", error=NotPermitted)
        return _listing(request, "endpoints", self._endpoints(request), ("interface", "service_id", "region_id"))

    async def endpoint(self, request: web.Request) -> web.Response:
        self._policy.require(request[CONTEXT], "identity:get_endpoint", error=NotPermitted)
        return _one(request, "endpoint", self._endpoints(request))

    async def regions(self, request: web.Request) -> web.Response:
        return _listing(request, "regions", self._regions(request), ("parent_region_id",))

    async def region(self, request: web.Request) -> web.Response:
        return _one(request, "region", self._regions(request))

    def _services(self, request: web.Request) -> list[dict[str, Any]]:
        base = origin(request)
        return [
            {"id": entry.id, "name": entry.name, "type": entry.type, "enabled": True, "description": "",
             "links": {"self": f"{base}/v3/services/{entry.id}"}}
            for entry in self._entries(base)
        ]  # fmt: skip

    def _endpoints(self, request: web.Request) -> list[dict[str, Any]]:
        base = origin(request)
        return [
            {"id": (key := endpoint_id(entry, interface)), "interface": interface, "service_id": entry.id,
             "region": self._region, "region_id": self._region, "enabled": True,
             "url": entry.url(interface).replace("{project_id}", "%(project_id)s"),
             "links": {"self": f"{base}/v3/endpoints/{key}"}}
            for entry in self._entries(base)
            for interface in INTERFACES
        ]  # fmt: skip

    def _regions(self, request: web.Request) -> list[dict[str, Any]]:
        links = {"self": f"{origin(request)}/v3/regions/{self._region}"}
        return [{"id": self._region, "description": "", "parent_region_id": None, "links": links}]


def _listing(request: web.Request, key: str, rows: list[dict[str, Any]], filters: Sequence[str]) -> web.Response:
    wanted = {name: request.query[name] for name in filters if name in request.query}
    matching = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    links = {"next": None, "self": str(request.url), "previous": None}
    return respond(200, {key: matching, "links": links})


def _one(request: web.Request, key: str, rows: list[dict[str, Any]]) -> web.Response:
    id = request.match_info["id"]
    row = next((row for row in rows if row["id"] == id), None)
    if row is None:
        raise Absent(kind=key, id=id)
    return respond(200, {key: row})
