"""An application on a port: with limits on its connections, and time to finish what is under way when it stops."""

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from stackwire.core.settings import ServiceSettings
from stackwire.http import access_log_filters
from stackwire.http.listener import IDLE_SECONDS, Listener
from stackwire.runtime.siblings import inherited


class PortInUse(Exception):
    """The address cannot be listened on; the message says which and why."""


class Port:
    """``name``: of the service, for messages. ``access_logger``: called for each answered request."""

    def __init__(
        self,
        name: str,
        app: web.Application,
        settings: ServiceSettings,
        access_logger: type[AbstractAccessLogger] | None = None,
        *,
        drain_seconds: float,
    ) -> None:
        log = {} if access_logger is None else {"access_log_class": access_logger}
        self._name = name
        self._host = settings.host
        self._runner = web.AppRunner(
            app,
            logger=access_log_filters.log,
            access_log=None if access_logger is None else access_log_filters.log,
            handle_signals=False,
            shutdown_timeout=drain_seconds,
            keepalive_timeout=IDLE_SECONDS,
            **log,  # type: ignore[arg-type]  # aiohttp's web.AppRunner passes them on
        )
        self._listener = Listener(app, self._runner, most=settings.max_connections)
        self._leaving = False
        app.on_response_prepare.append(self._close_when_leaving)

    async def _close_when_leaving(self, request: web.Request, response: web.StreamResponse) -> None:
        if self._leaving:
            response.headers["Connection"] = "close"
            response.force_close()

    @property
    def connections(self) -> int:
        """Open connections of clients."""
        return len(self._runner.server.connections) if self._runner.server is not None else 0

    async def start(self, port: int) -> int:
        """The port listened on. Raises PortInUse."""
        await self._runner.setup()
        try:
            return await self._listener.start(self._host, port, inherited(self._host, port))
        except OSError as error:
            raise PortInUse(f"{self._name} cannot listen on {self._host}:{port}: {error.strerror or error}") from error

    def leave(self) -> None:
        """From now on each answer ends its connection: clients go elsewhere, before there is nothing here."""
        self._leaving = True

    async def abort(self) -> None:
        """Accepts no more, and ends every connection, whatever was asked."""
        await self._listener.stop()
        if (server := self._runner.server) is None:
            return
        for connection in server.connections:
            connection.force_close()
            if connection.transport is not None:
                connection.transport.abort()
        await server.shutdown(0.01)

    async def stop(self) -> None:
        """Accepts no more, and returns when what was asked is answered, or the time for that is over."""
        await self._listener.stop()
        await self._runner.cleanup()
