"""Tags of a project."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.flows.api.project_tags import ProjectTags
from stackwire.identity.http.schemas import entities as schemas


class ProjectTagHandlers:
    """``/v3/projects/{id}/tags`` and ``/v3/projects/{id}/tags/{tag}``."""

    def __init__(self, tags: ProjectTags) -> None:
        self._tags = tags

    async def list(self, request: web.Request) -> web.Response:
        """``GET .../tags``."""
        return _tags_response(request, await self._tags.list_tags(request[CONTEXT], request.match_info["id"]))

    async def replace(self, request: web.Request) -> web.Response:
        """``PUT .../tags``."""
        tags = schemas.project_tags(await json_body(request))
        replaced = await self._tags.replace_tags(request[CONTEXT], request.match_info["id"], tags)
        return _tags_response(request, replaced)

    async def clear(self, request: web.Request) -> web.Response:
        """``DELETE .../tags``: 204."""
        await self._tags.replace_tags(request[CONTEXT], request.match_info["id"], [])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        """``GET`` or ``HEAD .../tags/{tag}``: 204, or 404."""
        await self._tags.check_tag(request[CONTEXT], request.match_info["id"], request.match_info["tag"])
        return respond(204)

    async def add(self, request: web.Request) -> web.Response:
        """``PUT .../tags/{tag}``: 201."""
        tag = schemas.project_tag(request.match_info["tag"])
        await self._tags.add_tag(request[CONTEXT], request.match_info["id"], tag)
        return respond(201)

    async def remove(self, request: web.Request) -> web.Response:
        """``DELETE .../tags/{tag}``: 204."""
        await self._tags.remove_tag(request[CONTEXT], request.match_info["id"], request.match_info["tag"])
        return respond(204)


def _tags_response(request: web.Request, tags: Sequence[str]) -> web.Response:
    return respond(200, {"tags": tags, "links": {"self": str(request.url)}})
