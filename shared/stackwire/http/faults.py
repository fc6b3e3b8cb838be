"""Faults of an HTTP API: requests answered with an error, late, or cut off in the middle of the response."""

import asyncio
import json
from collections.abc import Iterable
from types import MethodType
from typing import Any, cast

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import CAUSE, NO_FAULTS, Faults
from stackwire.http.middlewares import INNERMOST, Handler
from stackwire.http.probes import HEALTH, LIVE, METRICS
from stackwire.http.request import CONTEXT

PROBES = frozenset({HEALTH, LIVE, METRICS})
_END_OF_HEAD = b"\r\n\r\n"


def add_faults(app: web.Application, faults: Faults) -> None:
    """Around the handlers, where faults may be injected at all: inside of what makes a context and renders errors."""
    if faults is not NO_FAULTS and INNERMOST in app:
        app.middlewares.insert(app.middlewares.index(app[INNERMOST]) + 1, _middleware(faults))


def _middleware(faults: Faults) -> Any:
    @web.middleware
    async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not faults.rules or _is_probe(request.path, faults):
            return await handler(request)
        CAUSE.set(request[CONTEXT].to_wire())
        for fault in await faults.all("http", await _facts(request, faults), f"{request.method} {request.path}"):
            rule = fault.rule
            if rule.kind == "http.delay":
                await asyncio.sleep(rule.seconds or 0.0)
            elif rule.kind == "http.status":
                raise _error(rule)
            elif rule.kind == "http.cut":
                _cut(request, rule.after_bytes or 0)
        return await handler(request)

    return inject


def _is_probe(path: str, faults: Faults) -> bool:
    """Whoever asks how the service is shall know, unless a rule names just that path."""
    return path in PROBES and not any(fault.rule.match.path == path for fault in faults.rules)


async def _facts(request: web.Request, faults: Faults) -> dict[str, str | None]:
    wanted = any(fault.rule.match.operation is not None for fault in faults.rules)
    path = request.path
    return {
        "method": request.method,
        "path": path,
        "operation": await _operation(request) if wanted else None,
        "resource": path,
    }


async def _operation(request: web.Request) -> str:
    """An action by its key in the body, anything else by its handler: ``servers.create``."""
    if request.method == "POST" and request.path.endswith("/action"):
        try:
            body = json.loads(await request.read())
        except ValueError:
            return ""
        return next(iter(body), "") if isinstance(body, dict) else ""
    handler = request.match_info.handler
    owner = type(handler.__self__) if isinstance(handler, MethodType) else handler
    return f"{owner.__module__.rpartition('.')[2]}.{getattr(handler, '__name__', '')}"


def _error(rule: FaultRule) -> ServiceError:
    """An error of the API's own form, of any status."""
    status = rule.status or 503
    kind = _STATUSES.get(status)
    if kind is None:
        kind = _STATUSES[status] = cast(type[ServiceError], type(f"Fault{status}", (InjectedError,), {}, status=status))
    return kind(rule.message or InjectedError.__doc__)


class InjectedError(ServiceError):
    """A fault was injected here."""


_STATUSES: dict[int, type[ServiceError]] = {}


def _cut(request: web.Request, after: int) -> None:
    protocol = request.protocol
    if protocol.transport is not None:
        protocol.transport = cast(asyncio.Transport, _Cut(protocol.transport, after))


class _Cut:
    """A connection that is lost after so many bytes of the response's body."""

    def __init__(self, inner: asyncio.Transport, after: int) -> None:
        self._inner = inner
        self._remaining = after
        self._head = b""
        self._in_body = False

    def write(self, data: bytes) -> None:
        if not self._in_body:
            self._head += bytes(data)
            end = self._head.find(_END_OF_HEAD)
            if end < 0:
                return
            self._in_body = True
            self._inner.write(self._head[: end + len(_END_OF_HEAD)])
            data = self._head[end + len(_END_OF_HEAD) :]
        self._inner.write(bytes(data)[: self._remaining])
        self._remaining -= len(data)
        if self._remaining <= 0 and not self._inner.is_closing():
            self._inner.close()  # what is written is still sent

    def writelines(self, chunks: Iterable[bytes]) -> None:
        self.write(b"".join(chunks))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """No socket, past which bytes could be sent."""
        return default if name == "socket" else self._inner.get_extra_info(name, default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
