"""A user's application credentials and access rules."""

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.flows.api.application_credentials import ApplicationCredentials
from stackwire.identity.http.delegation_views import access_rule_view, application_credential_view
from stackwire.identity.http.envelopes import list_response
from stackwire.identity.http.schemas import delegation as schemas

_RULE_FILTERS = ("service", "path", "method")


class ApplicationCredentialHandlers:
    """``/v3/users/{user}/application_credentials`` and ``/v3/users/{user}/access_rules``."""

    def __init__(self, credentials: ApplicationCredentials) -> None:
        self._credentials = credentials

    async def create(self, request: web.Request) -> web.Response:
        """``POST .../application_credentials``: 201, with the secret."""
        wanted = schemas.application_credential(await json_body(request))
        row, secret = await self._credentials.create(request[CONTEXT], request.match_info["user"], wanted)
        return respond(201, {"application_credential": application_credential_view(row, origin(request), secret)})

    async def list(self, request: web.Request) -> web.Response:
        """``GET .../application_credentials``, by ``name``."""
        name = request.query.get("name")
        rows = await self._credentials.find(request[CONTEXT], request.match_info["user"], name)
        views = [application_credential_view(row, origin(request)) for row in rows]
        return list_response(request, "application_credentials", views)

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../application_credentials/{id}``."""
        row = await self._credentials.get(request[CONTEXT], *_named(request))
        return respond(200, {"application_credential": application_credential_view(row, origin(request))})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../application_credentials/{id}``: 204."""
        await self._credentials.delete(request[CONTEXT], *_named(request))
        return respond(204)

    async def rules(self, request: web.Request) -> web.Response:
        """``GET .../access_rules``, by ``service``, ``path`` and ``method``."""
        filters = {name: request.query[name] for name in _RULE_FILTERS if name in request.query}
        rows = await self._credentials.find_rules(request[CONTEXT], request.match_info["user"], filters)
        return list_response(request, "access_rules", [access_rule_view(row, origin(request)) for row in rows])

    async def rule(self, request: web.Request) -> web.Response:
        """``GET .../access_rules/{id}``."""
        row = await self._credentials.get_rule(request[CONTEXT], *_named(request))
        return respond(200, {"access_rule": access_rule_view(row, origin(request))})

    async def delete_rule(self, request: web.Request) -> web.Response:
        """``DELETE .../access_rules/{id}``: 204."""
        await self._credentials.delete_rule(request[CONTEXT], *_named(request))
        return respond(204)


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["user"], request.match_info["id"]
