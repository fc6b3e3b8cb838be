"""The web application of a service, from a table of routes and the middlewares all services share."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.http import middlewares as around
from stackwire.http.addresses import Rewrite, RewrittenResource, merged_slashes
from stackwire.http.auth import Authenticator
from stackwire.http.microversions import VersionRange
from stackwire.http.middlewares import ErrorShape, Handler
from stackwire.http.probes import HEALTH, LIVE, METRICS, Probes

MAX_BODY_BYTES = 1024**2
"""Bytes of a JSON body; streams have limits of their own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a service's API.

    ``public`` routes need no token (version documents, health); no microversion is asked of those not ``versioned``.
    """

    method: str
    path: str
    handler: Handler
    public: bool = False
    versioned: bool = True


def make_app(
    *,
    routes: Sequence[Route],
    authenticator: Authenticator,
    errors: ErrorShape,
    versions: VersionRange | None = None,
    middlewares: Sequence[Middleware] = (),
    probes: Probes | None = None,
    body_limit: int = MAX_BODY_BYTES,
    id_headers: tuple[str, ...] = ("X-Openstack-Request-Id",),
    identity_url: str = "",
    rewrite: Rewrite = merged_slashes,
) -> web.Application:
    """The application. ``middlewares`` of the service run innermost, with the request's context set.

    ``id_headers``: the response headers with the request id (Nova has ``x-compute-request-id`` too).
    ``identity_url``: where those without a token are sent; the identity service, which has none, sends them to itself.
    ``probes``: who knows whether the service is ready. ``rewrite``: the path to answer for one that no route has.
    """
    order = [
        around.add_headers(versions, id_headers, identity_url.removesuffix("/v3")),
        around.errors(errors),
        around.authenticate(authenticator, guards_unknown=bool(identity_url)),
    ]
    if versions is not None:
        order.append(around.microversions(versions))
    app = web.Application(middlewares=(*order, *middlewares), client_max_size=body_limit)
    app.router.register_resource(RewrittenResource(app.router, rewrite))
    table = (*_probe_routes(probes or Probes()), *routes)
    for route in table:
        app.router.add_route(route.method, route.path, route.handler)
    app[around.INNERMOST] = order[-1]
    app[around.PUBLIC_HANDLERS] = frozenset(route.handler for route in table if route.public)
    app[around.UNVERSIONED_HANDLERS] = frozenset(route.handler for route in table if not route.versioned)
    return app


async def no_route(request: web.Request) -> web.Response:
    """A handler for whatever else lies below a path: 404, with a token or (a route that is not public) 401."""
    raise web.HTTPNotFound


def _probe_routes(probes: Probes) -> list[Route]:
    handlers = {HEALTH: probes.health, LIVE: probes.live, METRICS: probes.scrape}
    return [Route("GET", path, handler, public=True, versioned=False) for path, handler in handlers.items()]
