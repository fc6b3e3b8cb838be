"""The web application of a service, from a table of routes and the middlewares all services share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.http import middlewares as around
from stackwire.http.auth import Authenticator
from stackwire.http.microversions import VersionRange
from stackwire.http.middlewares import ErrorShape, Handler

MAX_BODY_BYTES = 1024**2
"""Bytes of a JSON body; streams have limits of their own."""

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a service's API. ``public`` routes need no token (version documents, health)."""

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
    body_limit: int = MAX_BODY_BYTES,
    id_headers: tuple[str, ...] = ("X-Openstack-Request-Id",),
) -> web.Application:
    """The application. ``middlewares`` of the service run innermost, with the request's context set.

    ``id_headers``: the response headers with the request id (Nova has ``x-compute-request-id`` too).
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
        """``OK`` as oslo.middleware's healthcheck answers; 503 while the service is not ready."""
        if ready is not None and not await ready():
            return web.Response(status=503, text="UNAVAILABLE")
        return web.Response(text="OK")

    return healthcheck
