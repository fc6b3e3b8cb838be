"""Query parameters: numbers, times and switches."""

import math

from aiohttp import web

from stackwire.core.errors import BadRequest

_MAX_DIGITS = 15


def number(request: web.Request, name: str, default: int) -> int:
    """A whole number of the query; BadRequest for anything else."""
    text = request.query.get(name)
    return default if text is None else whole_number(text, name)


def whole_number(text: str, name: str) -> int:
    """The number a text spells; BadRequest for anything else."""
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise BadRequest(f"{name} must be a whole number, not '{text[:50]}'.")
    return int(text)


def seconds(request: web.Request, name: str) -> float | None:
    """A time of the query, None without one; BadRequest for anything else."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise BadRequest(f"{name} must be a time in seconds, not '{text[:50]}'.")
    return value
