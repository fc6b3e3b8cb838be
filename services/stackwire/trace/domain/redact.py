"""Secrets never leave the tracer: what may not be shown is replaced before anybody sees or keeps it."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

HIDDEN = "***"
DEEPEST = 40

# Names whose values are secrets wherever they stand: OpenStack's own list (oslo_utils.strutils: _SANITIZE_KEYS) and
# what the three services put on the bus beside it.
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|admin_?pass|secret|private_key|connection_info|auth_key|credential|"
    r"(^|_)(auth_)?token$|^x-(auth|service|subject)-token$|chap|user_data|keyring|encryption_key$",
    re.IGNORECASE,
)
# Values that are secrets whatever they are called: fernet tokens, signed tokens, URLs with a login.
_TOKEN = re.compile(r"gAAAAA[\w-]{40,}=*|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def redacted(value: Any, depth: int = 0) -> Any:
    """A copy without secrets: tokens, passwords, connection info. What is nested too deep is hidden altogether."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        if depth > DEEPEST:
            return HIDDEN
        return {
            key: HIDDEN if item not in (None, "", {}, []) and _is_secret(key) else redacted(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return HIDDEN if depth > DEEPEST else [redacted(item, depth + 1) for item in value]
    return value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """There are few names and many of each."""
    return _SECRET_NAME.search(name) is not None


def _text(text: str) -> str:
    if "://" in text:
        text = _LOGIN.sub(f"{HIDDEN}@", text)
    if len(text) > 40 and ("gAAAAA" in text or "eyJ" in text):
        text = _TOKEN.sub(HIDDEN, text)
    return text
