"""Secrets never leave the tracer: what may not be shown is replaced before anybody sees or keeps it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stackwire.core.secrets import is_secret, speaks_of_secrets

HIDDEN = "***"
DEEPEST = 40

# Values that are secrets whatever they are called: fernet tokens, signed tokens, URLs with a login.
_TOKEN = re.compile(r"gAAAAA[\w-]{40,}=*|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def redacted(value: Any, depth: int = 0) -> Any:
    """A copy without secrets: tokens, passwords, connection info. What is nested too deep is hidden altogether."""
    if isinstance(value, str):
        return _text(value, depth)
    if isinstance(value, Mapping):
        if depth > DEEPEST:
            return HIDDEN
        return {
            key: HIDDEN if item not in (None, "", {}, []) and is_secret(key) else redacted(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return HIDDEN if depth > DEEPEST else [redacted(item, depth + 1) for item in value]
    return value


def _text(text: str, depth: int) -> str:
    if "://" in text:
        text = _LOGIN.sub(f"{HIDDEN}@", text)
    if len(text) > 40 and ("gAAAAA" in text or "eyJ" in text):
        text = _TOKEN.sub(HIDDEN, text)
    if text[:1] in ("{", "[") and speaks_of_secrets(text):
        text = _within(text, depth)
    return text


def _within(text: str, depth: int) -> str:
    """JSON inside a text, as Cinder's attachments have it."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    shown = redacted(value, depth + 1)
    return text if shown == value else orjson.dumps(shown).decode()
