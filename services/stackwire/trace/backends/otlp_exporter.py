"""A story to an OpenTelemetry collector: OTLP over HTTP, in its JSON encoding."""

from urllib.parse import urlsplit

import aiohttp
import orjson

from stackwire.trace.backends.network_errors import network_error_text
from stackwire.trace.domain.redact import redacted

TRACES_PATH = "/v1/traces"
_COLLECTOR_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MAX_ERROR_TEXT = 200  # characters of a collector's message


class ExportError(Exception):
    """The collector did not accept the trace; the message says why, in one line."""


async def export_trace(document: str, to: str) -> str:
    """``to`` is a collector's address, or the whole URL where its path is another. Returns the URL used.

    Raises ExportError.
    """
    url = _url(to)
    public_url = redacted(url)
    try:
        async with (
            aiohttp.ClientSession(timeout=_COLLECTOR_TIMEOUT) as session,
            session.post(
                url, data=document.encode(), headers={"Content-Type": "application/json"}, allow_redirects=False
            ) as answer,
        ):
            status, body = answer.status, await answer.read()
    except TimeoutError as error:
        raise ExportError(f"the collector at {public_url} does not respond in {_COLLECTOR_TIMEOUT.total} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ExportError(f"the collector at {public_url} cannot be reached: {network_error_text(error)}") from error
    text = _error_text(body)
    if not 200 <= status < 300:
        raise ExportError(f"the collector at {public_url} answers {status}" + (f": {text}" if text else ""))
    if rejected := _rejected(body):
        raise ExportError(f"the collector at {public_url} refuses {rejected} spans" + (f": {text}" if text else ""))
    return str(public_url)


def _url(to: str) -> str:
    try:
        parts = urlsplit(to)
        known = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ExportError(f"a collector's address is http://host:port, not '{redacted(to)}'")
    return to if parts.path.strip("/") else parts._replace(path=TRACES_PATH).geturl()


def _partial(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    partial = document.get("partialSuccess") if isinstance(document, dict) else None
    return partial if isinstance(partial, dict) else {}


def _rejected(body: bytes) -> int:
    """Spans that were not accepted. 64-bit numbers are text in OTLP's JSON."""
    count = str(_partial(body).get("rejectedSpans") or "0")
    return int(count) if count.isdecimal() else 0


def _error_text(body: bytes) -> str:
    """A collector's message: of a partial success, of a google.rpc.Status, or the beginning of any text."""
    text = str(_partial(body).get("errorMessage") or "")
    if not text:
        try:
            document = orjson.loads(body)
            text = str(document.get("message") or "") if isinstance(document, dict) else ""
        except orjson.JSONDecodeError:
            text = body.decode("utf-8", "replace")
    return " ".join(text.split())[:_MAX_ERROR_TEXT]
