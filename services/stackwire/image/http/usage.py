"""What a project uses of its limits."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.flows.api.usage import UsageReport


class UsageHandlers:
    """``/v2/info/usage``. Source: ``glance/api/v2/discovery.py: InfoController.get_usage``."""

    def __init__(self, report: UsageReport) -> None:
        self._report = report

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, {"usage": await self._report.for_caller(request[CONTEXT])})
