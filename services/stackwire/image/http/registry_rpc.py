"""glance-registry's v2: lists of commands, each with a result or an error of its own.

Source: ``glance/common/rpc.py: Controller``.
"""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, ServiceError
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.registry_commands import error_result, primitive
from stackwire.image.flows.api.registry_commands import Command, RegistryCommands
from stackwire.image.http.bodies import body_of

FAILURE = 500
"""From this status on the whole request fails: the caller may ask again."""


class RegistryRpcHandlers:
    """``/rpc``."""

    def __init__(self, commands: RegistryCommands) -> None:
        self._commands = commands

    async def call(self, request: web.Request) -> web.Response:
        """All are checked before the first is run, one after the other; one that fails does not stop the others."""
        body = await body_of(request)
        if not isinstance(body, list):
            raise BadRequest("Request must be a list of commands")
        found = [self._checked(item) for item in body]
        results = []
        for command, arguments in found:
            try:
                results.append(primitive(await command(request[CONTEXT], arguments)))
            except ServiceError as error:
                if error.status >= FAILURE:
                    raise
                results.append(error_result(error))
        return respond(200, results)

    def _checked(self, item: Any) -> tuple[Command, dict[str, Any]]:
        """Raises BadRequest, NotFound, NotSimulated."""
        if not isinstance(item, dict):
            raise BadRequest(f"Bad Command: {str(item)[:200]}")
        name, arguments = item.get("command"), item.get("kwargs") or {}
        if not name or not isinstance(name, str) or not isinstance(arguments, dict):
            raise BadRequest(f"Wrong command structure: {str(item)[:200]}")
        return self._commands.find(name), arguments
