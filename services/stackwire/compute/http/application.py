"""The API as one web application: routes, versions, faults, and the flows behind them."""

from aiohttp import web

from stackwire.compute.flows.registry import Api
from stackwire.compute.http.api import API
from stackwire.compute.http.errors import fault
from stackwire.compute.http.routes import routes
from stackwire.compute.http.versions import VERSIONS
from stackwire.http.app import Ready, make_app
from stackwire.http.auth import Authenticator

ID_HEADERS = ("X-Openstack-Request-Id", "X-Compute-Request-Id")


def application(api: Api, authenticator: Authenticator, ready: Ready | None = None) -> web.Application:
    app = make_app(
        routes=routes(),
        authenticator=authenticator,
        errors=fault,
        versions=VERSIONS,
        ready=ready,
        id_headers=ID_HEADERS,
    )
    app[API] = api
    return app
