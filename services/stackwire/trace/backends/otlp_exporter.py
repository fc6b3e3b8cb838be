"""A story to an OpenTelemetry collector: OTLP over HTTP, in its JSON encoding."""

from urllib.parse import urlsplit

import aiohttp
import orjson

from stackwire.trace.backends.network_errors import reason
from stackwire.trace.domain.redact import redacted

TRACES = "/v1/traces"
_PATIENCE = aiohttp.ClientTimeout(total=10)
_LONGEST = 200  # characters of what a collector says


class NotTaken(Exception):
    """The collector did not take it; the message says why, in one line."""


async def send(document: str, to: str) -> str:
    """``to`` is a collector's address, or the whole URL where its path is another. Answers where it went.

    Raises NotTaken.
    """
    url = _url(to)
    shown = redacted(url)
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(
                url, data=document.encode(), headers={"Content-Type": "application/json"}, allow_redirects=False
            ) as answer,
        ):
            status, body = answer.status, await answer.read()
    except TimeoutError as error:
        raise NotTaken(f"the collector at {shown} does not answer within {_PATIENCE.total} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotTaken(f"the collector at {shown} cannot be reached: {reason(error)}") from error
    said = _said(body)
    if not 200 <= status < 300:
        raise NotTaken(f"the collector at {shown} answers {status}" + (f": {said}" if said else ""))
    if rejected := _rejected(body):
        raise NotTaken(f"the collector at {shown} refuses {rejected} spans" + (f": {said}" if said else ""))
    return str(shown)


def _url(to: str) -> str:
    try:
        parts = urlsplit(to)
        known = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise NotTaken(f"a collector's address is http://host:port, not '{redacted(to)}'")
    return to if parts.path.strip("/") else parts._replace(path=TRACES).geturl()


def _partial(body: bytes) -> dict[str, object]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    partial = told.get("partialSuccess") if isinstance(told, dict) else None
    return partial if isinstance(partial, dict) else {}


def _rejected(body: bytes) -> int:
    """OTLP tells of 64-bit numbers as text."""
    count = str(_partial(body).get("rejectedSpans") or "0")
    return int(count) if count.isdecimal() else 0


def _said(body: bytes) -> str:
    """A collector's own words: of a partial success, of google.rpc.Status, or the beginning of any text."""
    text = str(_partial(body).get("errorMessage") or "")
    if not text:
        try:
            told = orjson.loads(body)
            text = str(told.get("message") or "") if isinstance(told, dict) else ""
        except orjson.JSONDecodeError:
            text = body.decode("utf-8", "replace")
    return " ".join(text.split())[:_LONGEST]
