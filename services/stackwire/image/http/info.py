"""What the service tells about itself: schemas, stores."""

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.metadefs_schemas import METADEF_SCHEMAS
from stackwire.image.domain.schemas import SCHEMAS
from stackwire.image.flows.api.usage import UsageReport


async def schema(request: web.Request) -> web.Response:
    found = SCHEMAS.get(request.match_info["name"])
    if found is None:
        raise NotFound
    return respond(200, found)


async def metadef_schema(request: web.Request) -> web.Response:
    found = METADEF_SCHEMAS.get(request.match_info["name"])
    if found is None:
        raise NotFound
    return respond(200, found)


class UsageHandlers:
    def __init__(self, report: UsageReport) -> None:
        self._report = report

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, {"usage": await self._report.of_caller(request[CONTEXT])})
