"""``/v3/OS-TRUST/trusts``."""

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.domain.entities import ROLE
from stackwire.identity.flows.api.trusts import Trusts
from stackwire.identity.http.delegation_views import trust_roles_view, trust_view
from stackwire.identity.http.envelopes import entity_response, list_response
from stackwire.identity.http.schemas import delegation as schemas

_FILTERS = ("trustor_user_id", "trustee_user_id")


class TrustHandlers:
    """Trusts and their roles."""

    def __init__(self, trusts: Trusts) -> None:
        self._trusts = trusts

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v3/OS-TRUST/trusts``: 201."""
        row = await self._trusts.create(request[CONTEXT], schemas.trust(await json_body(request)))
        return respond(201, {"trust": trust_view(row, origin(request))})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/OS-TRUST/trusts``: of one trustor, or else of one trustee."""
        filters = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
        rows = await self._trusts.find(request[CONTEXT], dict(list(filters.items())[:1]))
        return list_response(request, "trusts", [trust_view(row, origin(request)) for row in rows])

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/OS-TRUST/trusts/{id}``."""
        row = await self._trusts.get(request[CONTEXT], request.match_info["id"])
        return respond(200, {"trust": trust_view(row, origin(request))})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /v3/OS-TRUST/trusts/{id}``: 204."""
        await self._trusts.delete(request[CONTEXT], request.match_info["id"])
        return respond(204)

    async def roles(self, request: web.Request) -> web.Response:
        """``GET /v3/OS-TRUST/trusts/{id}/roles``."""
        row = await self._trusts.get(request[CONTEXT], request.match_info["id"], "list_roles_for_trust")
        view = trust_roles_view(row, origin(request))
        return respond(200, {"roles": view["roles"], "links": view["roles_links"]})

    async def role(self, request: web.Request) -> web.Response:
        """``GET /v3/OS-TRUST/trusts/{id}/roles/{role}``."""
        path = request.match_info
        return entity_response(
            request, 200, ROLE, await self._trusts.get_role(request[CONTEXT], path["id"], path["role"])
        )
