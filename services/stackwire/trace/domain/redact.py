"""Secrets never leave the tracer: they are replaced before anything is displayed or stored."""

import re
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

import orjson

from stackwire.core.secrets import is_secret, mentions_secret

HIDDEN = "***"
MAX_REDACTED_DEPTH = 40
_EMPTY: tuple[object, ...] = (None, "", {}, [])
_JSON = frozenset("{[")
_SHORT = 40
"""No token is so short."""

# Values that are secrets whatever they are called: fernet tokens, signed tokens, URLs with a login or a token.
_TOKEN_PATTERN = re.compile(r"gAAAAA[\w-]{40,}=*|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_CONSOLE = re.compile(r"(?<=token=)[\w-]{20,}|(?<=token%3D)[\w-]{20,}|(?<=/os-console-auth-tokens/)[^/?\s]+")


# A type that is named is recognised at once; whether something is a Mapping costs more than all the rest.
_PLAIN = frozenset({int, float, bool, NoneType})
_MAPPINGS, _SEQUENCES = (dict, Mapping), (list, Sequence)


def redacted(value: Any, depth: int = 0) -> Any:
    """A copy without secrets: tokens, passwords, connection info. What is nested too deeply is hidden entirely."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        return _text(value, depth)
    if isinstance(value, _MAPPINGS):
        return HIDDEN if depth > MAX_REDACTED_DEPTH else _mapping(value, depth + 1)
    if isinstance(value, _SEQUENCES):
        return HIDDEN if depth > MAX_REDACTED_DEPTH else [redacted(item, depth + 1) for item in value]
    return value


def _mapping(mapping: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Short texts that ``_text`` would not change are seen here: forty of them are in each message of the bus."""
    clean: dict[str, Any] = {}
    for key, item in mapping.items():
        kind = type(item)
        if is_secret(key) and item not in _EMPTY:
            clean[key] = HIDDEN
        elif kind in _PLAIN or (
            kind is str and len(item) <= _SHORT and "://" not in item and "token" not in item and item[:1] not in _JSON
        ):
            clean[key] = item
        else:
            clean[key] = redacted(item, depth)
    return clean


def _text(text: str, depth: int) -> str:
    if "://" in text:
        text = _LOGIN.sub(f"{HIDDEN}@", text)
    if "token" in text:
        text = _CONSOLE.sub(HIDDEN, text)
    if len(text) > _SHORT and ("gAAAAA" in text or "eyJ" in text):
        text = _TOKEN_PATTERN.sub(HIDDEN, text)
    if text[:1] in _JSON and mentions_secret(text):
        text = _json_inside(text, depth)
    return text


def _json_inside(text: str, depth: int) -> str:
    """JSON inside a text, as in Cinder's attachments."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    clean = redacted(value, depth + 1)
    return text if clean == value else orjson.dumps(clean).decode()
