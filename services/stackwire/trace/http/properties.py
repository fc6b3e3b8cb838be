"""What properties do and mean, and the old bugs of their travel."""

from aiohttp import web

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.request import respond
from stackwire.trace.flows.answers import Answers

MAX_PROPERTIES = 50


class PropertyHandlers:
    """``/explain``, ``/properties``, ``/bugs``; 501 in a tracer that knows no cloud (``python -m stackwire.trace``)."""

    def __init__(self, answers: Answers | None) -> None:
        self._known = answers

    async def explain(self, request: web.Request) -> web.Response:
        """``GET /explain?property=KEY=VALUE``, several times, and ``flavor=NAME``."""
        properties = request.query.getall("property", [])
        if not 0 < len(properties) <= MAX_PROPERTIES:
            raise BadRequest(f"property=KEY=VALUE is given once to {MAX_PROPERTIES} times")
        return respond(200, await self._answers.explain(properties, request.query.get("flavor") or None))

    async def defined(self, request: web.Request) -> web.Response:
        """``GET /properties/{kind}/{id}``: of an image, a flavor, an aggregate or a volume."""
        return respond(200, await self._answers.defined(request.match_info["kind"], request.match_info["id"]))

    async def bugs(self, request: web.Request) -> web.Response:
        """``GET /bugs``: every old bug, with what each page shows."""
        return respond(200, {"bugs": self._answers.bugs()})

    async def bug(self, request: web.Request) -> web.Response:
        """``GET /bugs/{name}``: the page of one."""
        return respond(200, self._answers.bug(request.match_info["name"]))

    @property
    def _answers(self) -> Answers:
        if self._known is None:
            raise NotSimulated("This tracer knows the bus alone: 'stackwire up' and 'stackwire serve trace' know more.")
        return self._known
