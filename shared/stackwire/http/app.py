"""One web application from a table of routes: the same order around every handler of every service."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.http import middlewares as around
from stackwire.http.auth import Authenticator
from stackwire.http.microversions import VersionRange
from stackwire.http.middlewares import ErrorShape, Handler

BODY_LIMIT = 1024**2  # bytes of JSON; streams are bounded by their own caps

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a service's API. ``public`` routes need no token (version documents, health)."""

    method: str
    path: str
    handler: Handler
    public: bool = False


def make_app(
    *,
    routes: Sequence[Route],
    authenticator: Authenticator,
    errors: ErrorShape,
    versions: VersionRange | None = None,
    middlewares: Sequence[Middleware] = (),
    ready: Ready | None = None,
    body_limit: int = BODY_LIMIT,
    id_headers: tuple[str, ...] = ("X-Openstack-Request-Id",),
) -> web.Application:
    """The application. ``middlewares`` of the service run innermost, with the context known.

    ``id_headers``: the names under which this API tells the request id (Nova: ``x-compute-request-id`` too).
    """
    order = [around.add_request_id(versions, id_headers), around.errors(errors), around.authenticate(authenticator)]
    if versions is not None:
        order.append(around.microversions(versions))
    app = web.Application(middlewares=(*order, *middlewares), client_max_size=body_limit)
    health = Route("GET", "/healthcheck", _healthcheck(ready), public=True)
    for route in (*routes, health):
        app.router.add_route(route.method, route.path, route.handler)
    app[around.PUBLIC_HANDLERS] = frozenset(route.handler for route in (*routes, health) if route.public)
    return app


def _healthcheck(ready: Ready | None) -> Handler:
    async def healthcheck(request: web.Request) -> web.Response:
        """``OK`` as oslo.middleware's healthcheck says it; 503 while the service cannot work."""
        if ready is not None and not await ready():
            return web.Response(status=503, text="UNAVAILABLE")
        return web.Response(text="OK")

    return healthcheck
