"""The admin port: an HTTP server beside the services, off unless a port is named, on the loopback unless told."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.cloud.admin.guard import CHALLENGE, guard
from stackwire.cloud.admin.route import AdminRoute
from stackwire.core.errors import ServiceError
from stackwire.http import access_log_filters
from stackwire.http.app import MAX_BODY_BYTES
from stackwire.http.middlewares import errors
from stackwire.http.request import respond
from stackwire.runtime.service import PortInUse

DRAIN_SECONDS = 5.0


def admin_error(request: web.Request, error: ServiceError) -> web.Response:
    """``{"error": {"code", "title", "message"}}``."""
    content = {"code": error.status, "title": error.title, "message": error.message}
    return respond(error.status, {"error": content}, CHALLENGE if error.status == 401 else None)


def make_admin_app(routes: Sequence[AdminRoute], *, token: str, host: str) -> web.Application:
    """The application with every route of the table."""
    app = web.Application(middlewares=(errors(admin_error), guard(token, host)), client_max_size=MAX_BODY_BYTES)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    return app


class AdminServer:
    """Serves the application while the cloud runs."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises PortInUse."""
        runner = web.AppRunner(
            self._app, logger=access_log_filters.log, access_log=None, shutdown_timeout=DRAIN_SECONDS
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await self.stop()
            where = f"{self._host}:{self._port}"
            raise PortInUse(f"the admin port cannot listen on {where}: {error.strerror or error}") from error

    async def stop(self) -> None:
        """Lets requests end first."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
