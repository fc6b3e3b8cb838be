"""Pagination: the limit of a page, and the link to the next one."""

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from stackwire.core.errors import BadRequest


def limit_of(request: web.Request, maximum: int, default: int | None = None) -> int:
    """``limit`` of the query: a non-negative integer, cut to ``maximum``; ``default`` (or the maximum) when absent."""
    text = request.query.get("limit")
    if text is None:
        return maximum if default is None else min(default, maximum)
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequest(f"Invalid input for field/attribute limit. Value: {text[:100]}.")
    return min(int(text), maximum)


def link(base: str, query: Mapping[str, str] | list[tuple[str, str]], **changes: str | int) -> str:
    """``base`` with the query of this page and ``changes`` on top: the next page's address."""
    pairs = list(query.items()) if isinstance(query, Mapping) else query
    kept = [(key, value) for key, value in pairs if key not in changes]
    return f"{base}?{urlencode([*kept, *((key, str(value)) for key, value in changes.items())])}"


def origin(request: web.Request) -> str:
    """Scheme and host of the request, for links in the response."""
    return str(request.url.origin())
