"""HTTP requests told on the bus once they are answered, in the background: an answer never waits for it.

What is told here may be lost: it is for looking at, and nothing but the tracer listens.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from stackwire.contracts.http_leg import Leg, served
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.http.auth import anonymous
from stackwire.http.request import CONTEXT
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Transport

BACKLOG = 2_000
"""Legs that may wait for the bus; more are counted as missed."""
TOGETHER = 200
"""Legs told in one message."""
GATHERED = 0.05
"""Seconds for which legs are gathered: a message each would cost a busy service more than its work."""
AGENT = "stackwire-"
"""What the user agents of our own services begin with."""


class Legs:
    """The teller of one service. ``logger`` is the class aiohttp wants: it is called when an answer is wholly sent."""

    def __init__(self, transport: Transport, service: str) -> None:
        self._notifier = Notifier(transport)
        self._service = service
        self._waiting: deque[Leg] = deque()
        self._missed = 0
        self._woken = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._sending = False
        legs = self

        class Logger(AbstractAccessLogger):
            def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
                legs.note(request, response, time)

        self.logger: type[AbstractAccessLogger] = Logger

    @property
    def busy(self) -> bool:
        return self._sending or bool(self._waiting)

    def start(self) -> None:
        self._telling = asyncio.create_task(self._tell())

    async def close(self) -> None:
        """What waits is told, as far as the bus takes it at once."""
        if self._telling is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self.busy:  # noqa: ASYNC110  # the last one has no event
                    await asyncio.sleep(0.005)
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)
        self._telling = None

    def note(self, request: web.BaseRequest, response: web.StreamResponse, seconds: float) -> None:
        if request.path == "/healthcheck" or not isinstance(request, web.Request):
            return  # a probe, or bytes that were no HTTP
        context = request.get(CONTEXT) or anonymous(request)
        if len(self._waiting) >= BACKLOG:
            self._missed += 1
            return
        self._waiting.append(self._leg(context, request, response, seconds))
        self._missed = 0
        self._woken.set()

    def _leg(
        self, context: RequestContext, request: web.BaseRequest, response: web.StreamResponse, seconds: float
    ) -> Leg:
        length = response.headers.get("Content-Length", "")
        return Leg(
            request_id=context.request_id,
            global_request_id=context.global_request_id,
            traceparent=context.traceparent,
            user_id=context.user_id,
            project_id=context.project_id,
            service=self._service,
            caller=_caller(request.headers.get("User-Agent", "")),
            method=request.method,
            path=request.path,
            query=tuple(dict.fromkeys(request.query)),
            status=response.status,
            started=time.time() - seconds,
            seconds=seconds,
            request_bytes=getattr(request.content, "total_bytes", request.content_length),
            response_bytes=response.body_length or (int(length) if length.isdecimal() else None),
            missed=self._missed,
        )

    async def _tell(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(GATHERED)
            self._woken.clear()
            while self._waiting:
                legs = [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER))]
                self._sending = True
                try:
                    event = served(self._service, legs)
                    await self._notifier.send(event, {}, str(uuid4()), datetime.now(UTC))
                except ServiceError as error:  # the bus is away; this is the least of what is missed
                    logging.getLogger(__name__).debug("HTTP legs were not told: %s", error)
                    self._missed += len(legs)
                finally:
                    self._sending = False


def _caller(agent: str) -> str:
    """``python-openstackclient keystoneauth1/5.13 ...`` is the first of these; our own agents are a service's name."""
    first = agent.split("/")[0].split(" ")[0][:60]
    return first.removeprefix(AGENT) if first.startswith(AGENT) else first or "client"
