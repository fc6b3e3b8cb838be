"""The compute API as a web application: routes, versions and the form of errors."""

from dataclasses import replace

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.errors import fault
from stackwire.compute.http.routes import routes
from stackwire.compute.http.versions import MAXIMUM_SINCE, VERSIONS
from stackwire.compute.settings import ComputeSettings
from stackwire.http.app import make_app
from stackwire.http.auth import Authenticator
from stackwire.http.microversions import parse
from stackwire.http.probes import Probes

ID_HEADERS = ("X-Openstack-Request-Id", "X-Compute-Request-Id")


def application(
    flows: ApiFlows, authenticator: Authenticator, settings: ComputeSettings, probes: Probes | None = None
) -> web.Application:
    """The API over these flows, in the release's versions; ``probes``: who knows whether the service can work."""
    return make_app(
        routes=routes(flows, settings.behaviours),
        authenticator=authenticator,
        errors=fault,
        versions=replace(VERSIONS, maximum=parse(settings.behaviours.latest(MAXIMUM_SINCE))),
        probes=probes,
        id_headers=ID_HEADERS,
        identity_url=settings.www_authenticate_uri,
    )
