"""What a user does with the own account."""

from aiohttp import web

from stackwire.http.request import CONTEXT, json_body, read, respond
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.http.schemas.entities import PasswordBody


class UserHandlers:
    """``/v3/users/{id}/...`` beyond what all entities have."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def change_password(self, request: web.Request) -> web.Response:
        """``POST /v3/users/{id}/password``: 204. The old password is the proof; no token is needed."""
        user = read(PasswordBody, await json_body(request)).user
        await self._directory.change_password(
            request[CONTEXT], request.match_info["id"], user.original_password, user.password
        )
        return respond(204)
