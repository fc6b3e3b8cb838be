"""What those who watch a service ask: whether it is alive, whether it can work, and its metrics.

``/healthcheck`` answers as oslo.middleware's: ``OK`` or 503, and with ``Accept: application/json`` each check.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from stackwire.core.metrics import CONTENT_TYPE
from stackwire.http.request import respond

HEALTH, LIVE, METRICS = "/healthcheck", "/healthcheck/live", "/metrics"
_PATHS = frozenset({HEALTH, LIVE, METRICS})


def is_probe(path: str) -> bool:
    """Whether it is none of the API's paths."""
    return path in _PATHS


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the service needs. ``reason``: why it cannot work, empty while it can."""

    name: str
    reason: str = ""
    details: str = ""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reason


Checks = Callable[[], Awaitable[Sequence[Check]]]
Metrics = Callable[[], Awaitable[bytes]]


class Probes:
    """The handlers; an application is made before the service that knows the answers, which are filled in then."""

    def __init__(self, checks: Checks | None = None, metrics: Metrics | None = None) -> None:
        self.checks = checks
        self.metrics = metrics

    async def health(self, request: web.Request) -> web.Response:
        """200 while the service can do its work, otherwise 503."""
        checks = [] if self.checks is None else await self.checks()
        status = 200 if all(check.healthy for check in checks) else 503
        if "application/json" in request.headers.get("Accept", ""):
            return respond(status, _document(checks, ready=status == 200))
        if status == 200:
            return web.Response(text="OK")
        failed = [f"{check.name}: {check.reason}" for check in checks if not check.healthy]
        return web.Response(status=status, text="\n".join(["UNAVAILABLE", *failed]))

    async def live(self, request: web.Request) -> web.Response:
        """Always 200: that it is answered at all says that the event loop runs."""
        if "application/json" in request.headers.get("Accept", ""):
            return respond(200, _document([Check("event loop")], ready=True))
        return web.Response(text="OK")

    async def scrape(self, request: web.Request) -> web.Response:
        """For Prometheus; 404 where another port has them."""
        if self.metrics is None:
            raise web.HTTPNotFound
        return web.Response(body=await self.metrics(), headers={"Content-Type": CONTENT_TYPE})

    def application(self) -> web.Application:
        """One with nothing else: for a process without an API."""
        app = web.Application()
        app.router.add_get(HEALTH, self.health)
        app.router.add_get(LIVE, self.live)
        app.router.add_get(METRICS, self.scrape)
        return app


def _document(checks: Sequence[Check], *, ready: bool) -> dict[str, object]:
    """oslo.middleware's detailed form (``healthcheck/__init__.py: _make_json_response``), and ``ready``."""
    return {
        "detailed": True,
        "ready": ready,
        "now": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "reasons": [
            {"class": check.name, "healthy": check.healthy, "reason": check.reason or "OK", "details": check.details}
            for check in checks
        ],
    }
