"""``/v3/credentials``, a user's EC2 keys, and the tokens that requests signed with them are good for."""

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.flows.api.credentials import Credentials
from stackwire.identity.http.delegation_views import credential_view, keys_view
from stackwire.identity.http.envelopes import list_response
from stackwire.identity.http.schemas import delegation as schemas

_FILTERS = ("user_id", "type")


class CredentialHandlers:
    """``/v3/credentials`` and ``/v3/credentials/{id}``."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v3/credentials``: 201."""
        row = await self._credentials.create(request[CONTEXT], schemas.credential(await json_body(request)))
        return respond(201, {"credential": credential_view(row, origin(request))})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/credentials``, by ``user_id`` and ``type``."""
        filters = {name: request.query[name] for name in _FILTERS if name in request.query}
        rows = await self._credentials.find(request[CONTEXT], filters)
        return list_response(request, "credentials", [credential_view(row, origin(request)) for row in rows])

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/credentials/{id}``."""
        row = await self._credentials.get(request[CONTEXT], request.match_info["id"])
        return respond(200, {"credential": credential_view(row, origin(request))})

    async def update(self, request: web.Request) -> web.Response:
        """``PATCH /v3/credentials/{id}``: the blob."""
        blob = schemas.changed_blob(await json_body(request))
        row = await self._credentials.update_blob(request[CONTEXT], request.match_info["id"], blob)
        return respond(200, {"credential": credential_view(row, origin(request))})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /v3/credentials/{id}``: 204."""
        await self._credentials.delete(request[CONTEXT], request.match_info["id"])
        return respond(204)


class KeyHandlers:
    """``/v3/users/{user}/credentials/OS-EC2``."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def create(self, request: web.Request) -> web.Response:
        """``POST .../OS-EC2``: 201."""
        project_id = schemas.tenant_id(await json_body(request))
        row = await self._credentials.create_keys(request[CONTEXT], request.match_info["user"], project_id)
        return respond(201, {"credential": keys_view(row, origin(request))})

    async def list(self, request: web.Request) -> web.Response:
        """``GET .../OS-EC2``."""
        rows = await self._credentials.find_keys(request[CONTEXT], request.match_info["user"])
        return list_response(request, "credentials", [keys_view(row, origin(request)) for row in rows])

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../OS-EC2/{access}``."""
        path = request.match_info
        row = await self._credentials.get_keys(request[CONTEXT], path["user"], path["access"])
        return respond(200, {"credential": keys_view(row, origin(request))})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../OS-EC2/{access}``: 204."""
        path = request.match_info
        await self._credentials.delete_keys(request[CONTEXT], path["user"], path["access"])
        return respond(204)
