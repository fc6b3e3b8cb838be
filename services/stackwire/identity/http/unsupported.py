"""What a real Keystone has and this one has not: 501 with a clear message, rather than 404."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.app import Route
from stackwire.http.middlewares import Handler

_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_UNSUPPORTED_PATHS = {
    "/v3/OS-INHERIT": "inherited role assignments",
    "/v3/OS-TRUST": "trusts",
    "/v3/OS-FEDERATION": "federation",
    "/v3/OS-OAUTH1": "OAuth",
    "/v3/OS-EP-FILTER": "endpoint filters",
    "/v3/OS-REVOKE": "revocation events",
    "/v3/credentials": "credentials",
    "/v3/policies": "stored policies",
    "/v3/limits": "unified limits",
    "/v3/registered_limits": "unified limits",
    "/v3/users/{id}/application_credentials": "application credentials",
    "/v3/users/{id}/access_rules": "access rules",
    "/v3/users/{id}/credentials": "EC2 credentials",
    "/v3/domains/{id}/config": "configuration of domains",
}


def unsupported() -> Sequence[Route]:
    """A route for every such path."""
    read_only = [
        Route(verb, path, _not_simulated(f"changes of {plural}: the catalogue is made from settings"))
        for plural in ("services", "endpoints", "regions")
        for verb, path in (
            ("POST", f"/v3/{plural}"),
            ("PATCH", f"/v3/{plural}/{{id}}"),
            ("PUT", f"/v3/{plural}/{{id}}"),
            ("DELETE", f"/v3/{plural}/{{id}}"),
        )
    ]
    missing = [
        Route(verb, f"{path}{rest}", _not_simulated(what))
        for path, what in _UNSUPPORTED_PATHS.items()
        for verb in _VERBS
        for rest in ("", "/{rest:.*}")
    ]
    return (*read_only, *missing)


def _not_simulated(what: str) -> Handler:
    async def refuse(request: web.Request) -> web.Response:
        raise NotSimulated(what=what)

    return refuse
