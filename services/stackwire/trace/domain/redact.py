"""Secrets never leave the tracer: they are replaced before anything is displayed or stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stackwire.core.secrets import is_secret, mentions_secret

HIDDEN = "***"
MAX_REDACTED_DEPTH = 40

# Values that are secrets whatever they are called: fernet tokens, signed tokens, URLs with a login or a token.
_TOKEN_PATTERN = re.compile(r"gAAAAA[\w-]{40,}=*|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_CONSOLE = re.compile(r"(?<=token=)[\w-]{20,}|(?<=token%3D)[\w-]{20,}|(?<=/os-console-auth-tokens/)[^/?\s]+")


def redacted(value: Any, depth: int = 0) -> Any:
    """A copy without secrets: tokens, passwords, connection info. What is nested too deeply is hidden entirely."""
    if isinstance(value, str):
        return _text(value, depth)
    if isinstance(value, Mapping):
        if depth > MAX_REDACTED_DEPTH:
            return HIDDEN
        return {
            key: HIDDEN if item not in (None, "", {}, []) and is_secret(key) else redacted(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return HIDDEN if depth > MAX_REDACTED_DEPTH else [redacted(item, depth + 1) for item in value]
    return value


def _text(text: str, depth: int) -> str:
    if "://" in text:
        text = _LOGIN.sub(f"{HIDDEN}@", text)
    if "token" in text:
        text = _CONSOLE.sub(HIDDEN, text)
    if len(text) > 40 and ("gAAAAA" in text or "eyJ" in text):
        text = _TOKEN_PATTERN.sub(HIDDEN, text)
    if text[:1] in ("{", "[") and mentions_secret(text):
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
