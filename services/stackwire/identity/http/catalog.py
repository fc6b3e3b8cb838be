"""Services, endpoints and regions."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, respond
from stackwire.identity.flows.api.catalog import CatalogQueries
from stackwire.identity.http.envelopes import list_response
from stackwire.identity.http.views import endpoint_view, region_view, service_view


class CatalogHandlers:
    """``/v3/services``, ``/v3/endpoints`` and ``/v3/regions``."""

    def __init__(self, catalog: CatalogQueries) -> None:
        self._catalog = catalog

    async def services(self, request: web.Request) -> web.Response:
        """``GET /v3/services``, by ``type`` and ``name``."""
        base = origin(request)
        views = [service_view(service, base) for service in self._catalog.list_services(request[CONTEXT], base)]
        return list_response(request, "services", _matching(request, views, "type", "name"))

    async def service(self, request: web.Request) -> web.Response:
        """``GET /v3/services/{id}``."""
        base = origin(request)
        service = self._catalog.get_service(request[CONTEXT], base, request.match_info["id"])
        return respond(200, {"service": service_view(service, base)})

    async def endpoints(self, request: web.Request) -> web.Response:
        """``GET /v3/endpoints``, by ``interface``, ``service_id`` and ``region_id``."""
        base, region = origin(request), self._catalog.region
        listed = self._catalog.list_endpoints(request[CONTEXT], base)
        views = [endpoint_view(endpoint, region, base) for endpoint in listed]
        return list_response(request, "endpoints", _matching(request, views, "interface", "service_id", "region_id"))

    async def endpoint(self, request: web.Request) -> web.Response:
        """``GET /v3/endpoints/{id}``."""
        base = origin(request)
        endpoint = self._catalog.get_endpoint(request[CONTEXT], base, request.match_info["id"])
        return respond(200, {"endpoint": endpoint_view(endpoint, self._catalog.region, base)})

    async def regions(self, request: web.Request) -> web.Response:
        """``GET /v3/regions``: the one region."""
        views = [region_view(self._catalog.region, origin(request))]
        return list_response(request, "regions", _matching(request, views, "parent_region_id"))

    async def region(self, request: web.Request) -> web.Response:
        """``GET /v3/regions/{id}``."""
        region = self._catalog.get_region(request.match_info["id"])
        return respond(200, {"region": region_view(region, origin(request))})


def _matching(request: web.Request, views: Sequence[dict[str, Any]], *filters: str) -> list[dict[str, Any]]:
    """The views whose fields equal the filters of the query."""
    wanted = {name: request.query[name] for name in filters if name in request.query}
    return [view for view in views if all(view[name] == value for name, value in wanted.items())]
