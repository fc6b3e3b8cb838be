"""Parses request bodies strictly, and builds responses.

``json`` accepts more than the databases do (NaN, lone surrogates, NUL, numbers of any size, duplicate keys): each is
a 400 here, or it would be a 500 later.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any, NoReturn, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError, TooLarge, UnsupportedMedia
from stackwire.http.microversions import Microversion
from stackwire.http.schema_errors import explain

CONTEXT: web.RequestKey[RequestContext] = web.RequestKey("context", RequestContext)
VERSION: web.RequestKey[Microversion] = web.RequestKey("version", Microversion)
ACTION: web.RequestKey[str] = web.RequestKey("action", str)
"""The name of the action that a body of ``POST .../action`` asks for, for whoever observes requests."""
LAST_ON_CONNECTION: web.RequestKey[bool] = web.RequestKey("last_on_connection", bool)
"""There in a request whose answer ends its connection."""
RELAXED: ContextVar[bool] = ContextVar("relaxed", default=False)
"""Set while unknown keys of a body are left out and not refused: Nova's legacy v2."""
_ROOT: ContextVar[str] = ContextVar("root", default="")

BODY_SECONDS = 60.0
"""How long a JSON body may take: one that trickles in would keep its connection for ever."""
_MAX_DEPTH = 64
_ACTION_NAME = re.compile(r"[A-Za-z][\w.:-]{0,63}")
_MAX_JSON_INT = 2**63 - 1

M = TypeVar("M", bound=BaseModel)


class SlowBody(ServiceError, status=408, title="Request Timeout"):
    """The request body did not arrive within {seconds} seconds."""


class MalformedBody(BadRequest):
    """Malformed request body"""


async def json_body(request: web.Request, *, media_types: tuple[str, ...] = ("application/json",)) -> Any:
    """The body as JSON; 415 for a media type that is none of these (if any), 413 when too large, 400 when malformed."""
    if (
        media_types
        and request.content_type not in media_types
        and not (request.content_type == "application/octet-stream" and "Content-Type" not in request.headers)
    ):
        raise UnsupportedMedia("Unsupported Content-Type")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError as late:
        raise SlowBody(seconds=BODY_SECONDS) from late
    except web.HTTPRequestEntityTooLarge as large:
        raise TooLarge("Request is too large.") from large
    except web.RequestPayloadError as broken:
        raise MalformedBody from broken
    if not raw:
        raise MalformedBody
    value = parse_json(raw)
    if request.path.endswith("/action"):
        _note_action(request, value)
    return value


def _note_action(request: web.Request, value: Any) -> None:
    """What does not look like an action's name is not repeated anywhere: it may be a secret at the wrong place."""
    if isinstance(value, dict) and len(value) == 1 and _ACTION_NAME.fullmatch(name := next(iter(value))):
        request[ACTION] = name


def parse_json(raw: bytes) -> Any:
    """JSON that PostgreSQL can store. Raises MalformedBody otherwise."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as bad:
        raise MalformedBody from bad
    _check(value, 0)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _check(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise MalformedBody
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > _MAX_JSON_INT:
            raise MalformedBody
    elif isinstance(value, float):
        if value - value != 0:  # inf and nan
            raise MalformedBody
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    else:
        for key, item in value.items():
            check_text(key)
            _check(item, depth + 1)


def check_text(text: str) -> str:
    """``text`` when PostgreSQL can store it: no NUL, no lone surrogate; MalformedBody otherwise."""
    if "\x00" in text or (not text.isascii() and _has_surrogate(text)):
        raise MalformedBody
    return text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


@contextmanager
def reading(name: str) -> Iterator[None]:
    """What is read meanwhile is the value of this key, which messages about it name: an action's."""
    before = _ROOT.set(name)
    try:
        yield
    finally:
        _ROOT.reset(before)


async def body(request: web.Request, model: type[M]) -> M:
    """The body as ``model``; 400 that names the first field at fault."""
    return read(model, await json_body(request))


def read(model: type[M], value: Any) -> M:
    """``value`` as ``model``; BadRequest that names the first field at fault."""
    try:
        return model.model_validate(value)
    except ValidationError as invalid:
        if RELAXED.get() and (known := _without_unknown(value, invalid)) != value:
            return read(model, known)
        raise BadRequest(explain(model, value, invalid, root=_ROOT.get())) from invalid


def _without_unknown(value: Any, invalid: ValidationError) -> Any:
    """The value without the keys that were refused as unknown."""
    kept = deepcopy(value)
    for error in invalid.errors(include_url=False, include_context=False, include_input=False):
        *path, key = error["loc"] or ("",)
        if error["type"] == "extra_forbidden":
            with suppress(KeyError, IndexError, TypeError):
                del reduce(getitem, path, kept)[key]
    return kept


def respond(status: int, payload: Any = None, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response, or an empty one without a payload."""
    if payload is None:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=orjson.dumps(payload), content_type="application/json", headers=headers)


def flag(text: str, name: str) -> bool:
    """A boolean of a query string as oslo.utils' strict ``bool_from_string`` reads it; 400 otherwise."""
    lowered = text.strip().lower()
    if lowered in {"1", "t", "true", "on", "y", "yes"}:
        return True
    if lowered in {"0", "f", "false", "off", "n", "no"}:
        return False
    raise BadRequest(f"Invalid value '{text[:200]}' for '{name}'.")
