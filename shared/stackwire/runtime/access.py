"""What becomes of an answered request: a line of the access log, a measurement, an exchange for the tracer."""

import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from prometheus_client import Counter, Histogram

from stackwire.core.metrics import HTTP_METHODS, HTTP_REQUESTS, HTTP_SECONDS
from stackwire.core.secrets import is_secret
from stackwire.http.probes import is_probe
from stackwire.http.request import CONTEXT
from stackwire.runtime.logs import EXTRA, output

if TYPE_CHECKING:
    from stackwire.runtime.http_trace import HttpTraceEmitter

log = logging.getLogger("stackwire.access")
UNMATCHED = "unmatched"
"""The route of what no route answers; its path would make a new series for each typing error."""


def logger_of(service: str, trace: "HttpTraceEmitter | None") -> type[AbstractAccessLogger]:
    """The class that aiohttp calls when a response is completely sent."""

    class Logger(AbstractAccessLogger):
        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            if not isinstance(request, web.Request):
                return  # bytes that are no HTTP request
            probe = is_probe(request.path)
            if not probe:
                _measure(service, request, response, time)
                if trace is not None:
                    trace.record(request, response, time)
            level = logging.DEBUG if probe else logging.INFO
            if log.isEnabledFor(level):
                _write(service, level, request, response, time)

    return Logger


def _measure(service: str, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    found = request._match_info  # None where the client left before its request was looked up
    resource = None if found is None else found.route.resource
    route = UNMATCHED if resource is None else resource.canonical
    method = request.method if request.method in HTTP_METHODS else "other"
    key = service, method, route, response.status
    series = _SERIES.get(key)
    if series is None:
        series = HTTP_REQUESTS.labels(*key), HTTP_SECONDS.labels(service, method, route)
        _SERIES[key] = series
    series[0].inc()
    series[1].observe(seconds)


_SERIES: dict[tuple[str, str, str, int], tuple[Counter, Histogram]] = {}
"""Found by one look: labels are checked at each ``labels``."""


def _write(service: str, level: int, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    """Without a search for the caller's file and line, and where it can be without a record. Ids as oslo.log's."""
    context, path = request.get(CONTEXT), _path(request)
    size, remote, status, method = response.body_length, request.remote, response.status, request.method
    details: dict[str, Any] = {
        "service": service, "method": method, "path": path, "status": status, "bytes": size,
        "seconds": round(seconds, 6), "remote": remote,
    }  # fmt: skip
    if context is not None:
        details["request_id"] = context.request_id
        if context.global_request_id is not None:
            details["global_request_id"] = context.global_request_id
        if context.user_id is not None:
            details["user_id"] = context.user_id
            details["project_id"] = context.project_id
    text = f'{service} {remote} "{method} {path}" {status} {size} {seconds:.4f}'
    if (out := output()) is not None:
        out.write_line("INFO" if level == logging.INFO else "DEBUG", log.name, details, text)
        return
    record = logging.LogRecord(log.name, level, "", 0, text, None, None)
    setattr(record, EXTRA, details)
    log.handle(record)


def _path(request: web.Request) -> str:
    """Without the query, whose values may be secret (signed URLs), and without parts of the path that are."""
    path = request.rel_url.raw_path
    for name, value in request.match_info.items():
        if is_secret(name) and value:
            path = path.replace(value, "***")
    return path
