"""Emits answered HTTP requests on the bus, in the background: no response waits for it.

These events may be lost: they are for observation only, and nothing but the tracer consumes them.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from contextvars import Context
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web

from stackwire.contracts.http_exchange import DatabaseExchange, HttpExchange, served
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.http.auth import anonymous
from stackwire.http.database_uses import DATABASE_USES
from stackwire.http.request import ACTION, CONTEXT
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Transport

log = logging.getLogger(__name__)

BACKLOG = 2_000
"""Exchanges that may wait for the bus; more are counted as missed."""
BATCH_SIZE = 200
"""Exchanges in one message."""
BATCH_SECONDS = 0.05
"""How long exchanges are gathered: a message each would cost a busy service more than its work."""
AGENT = "stackwire-"
"""Prefix of the user agents of our own services."""


class HttpTraceEmitter:
    """Emits the exchanges of one service."""

    def __init__(self, transport: Transport, service: str) -> None:
        self._notifier = Notifier(transport)
        self._service = service
        self._waiting: deque[HttpExchange] = deque()
        self._missed = 0
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending = False

    @property
    def busy(self) -> bool:
        """True while exchanges wait or are being sent."""
        return self._sending or bool(self._waiting)

    async def suspend(self) -> None:
        """Emits nothing more, and drops what waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._waiting.clear()

    def start(self) -> None:
        """Begins to emit, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    async def close(self) -> None:
        """Emits what waits, as far as the bus accepts it within a second."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self.busy:  # noqa: ASYNC110  # the last exchange has no event
                    await asyncio.sleep(0.005)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def record(self, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
        """Queues one exchange, when its response is completely sent."""
        context = request.get(CONTEXT) or anonymous(request)
        if len(self._waiting) >= BACKLOG:
            self._missed += 1
            return
        self._waiting.append(self._exchange(context, request, response, seconds))
        self._missed = 0
        self._woken.set()

    def _exchange(
        self, context: RequestContext, request: web.BaseRequest, response: web.StreamResponse, seconds: float
    ) -> HttpExchange:
        length = response.headers.get("Content-Length", "")
        return HttpExchange(
            **attributes(context, "request_id global_request_id traceparent user_id project_id"),
            service=self._service,
            caller=_caller(request.headers.get("User-Agent", "")),
            method=request.method,
            path=request.path,
            action=request.get(ACTION),
            query=tuple(dict.fromkeys(request.query)),
            status=response.status,
            started=time.time() - seconds,
            seconds=seconds,
            request_bytes=getattr(request.content, "total_bytes", request.content_length),
            response_bytes=response.body_length or (int(length) if length.isdecimal() else None),
            missed=self._missed,
            database=tuple(DatabaseExchange(**asdict(use)) for use in request.get(DATABASE_USES, ())),
        )

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(BATCH_SECONDS)
            self._woken.clear()
            while self._waiting:
                exchanges = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_SIZE))]
                self._sending = True
                try:
                    event = served(self._service, exchanges)
                    await self._notifier.send(event, {}, str(uuid4()), datetime.now(UTC))
                except ServiceError as error:  # the bus is unavailable; this is the least of what is missing
                    log.debug("%d HTTP exchanges were not emitted: %s", len(exchanges), error)
                    self._missed += len(exchanges)
                finally:
                    self._sending = False


def _caller(agent: str) -> str:
    """``python-openstackclient keystoneauth1/5.13 ...`` is the first word; our own agents are a service's name."""
    first = agent.split("/")[0].split(" ")[0][:60]
    return first.removeprefix(AGENT) if first.startswith(AGENT) else first or "client"
