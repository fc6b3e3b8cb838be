"""The compute API as a web application: routes, versions and the form of errors."""

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.errors import fault
from stackwire.compute.http.routes import routes
from stackwire.compute.http.versions import VERSIONS
from stackwire.compute.settings import ComputeSettings
from stackwire.http.app import Ready, make_app
from stackwire.http.auth import Authenticator

ID_HEADERS = ("X-Openstack-Request-Id", "X-Compute-Request-Id")


def application(
    flows: ApiFlows, authenticator: Authenticator, settings: ComputeSettings, ready: Ready | None = None
) -> web.Application:
    """The API over these flows; ``ready``: whether the service can work, for /healthcheck."""
    return make_app(
        routes=routes(flows, settings.behaviours),
        authenticator=authenticator,
        errors=fault,
        versions=VERSIONS,
        ready=ready,
        id_headers=ID_HEADERS,
        identity_url=settings.www_authenticate_uri,
    )
