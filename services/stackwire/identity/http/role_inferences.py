"""Implied roles."""

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, respond
from stackwire.identity.flows.api.role_inferences import RoleInferences
from stackwire.identity.http.views import implied_roles_view, inference_view, inferences_view


class RoleInferenceHandlers:
    """``/v3/role_inferences`` and ``/v3/roles/{id}/implies``."""

    def __init__(self, inferences: RoleInferences) -> None:
        self._inferences = inferences

    async def add(self, request: web.Request) -> web.Response:
        """``PUT /v3/roles/{id}/implies/{implied}``: 201."""
        row = await self._inferences.create_inference(request[CONTEXT], *_roles(request))
        return respond(201, {"role_inference": inference_view(row, origin(request))})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/roles/{id}/implies/{implied}``."""
        row = await self._inferences.get_inference(request[CONTEXT], *_roles(request))
        return respond(200, {"role_inference": inference_view(row, origin(request))})

    async def check(self, request: web.Request) -> web.Response:
        """``HEAD /v3/roles/{id}/implies/{implied}``: 204, or 404."""
        await self._inferences.get_inference(request[CONTEXT], *_roles(request))
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        """``DELETE /v3/roles/{id}/implies/{implied}``: 204."""
        await self._inferences.delete_inference(request[CONTEXT], *_roles(request))
        return respond(204)

    async def list_of_role(self, request: web.Request) -> web.Response:
        """``GET /v3/roles/{id}/implies``."""
        prior_id = request.match_info["id"]
        rows = await self._inferences.list_implied(request[CONTEXT], prior_id)
        view = implied_roles_view(prior_id, rows, origin(request))
        return respond(200, {"role_inference": view, "links": {"self": str(request.url)}})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/role_inferences``."""
        rows = await self._inferences.list_inferences(request[CONTEXT])
        views = inferences_view(rows, origin(request))
        return respond(200, {"role_inferences": views, "links": {"self": str(request.url)}})


def _roles(request: web.Request) -> tuple[str, str]:
    return request.match_info["id"], request.match_info["implied"]
