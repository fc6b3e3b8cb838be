"""Recognises the names of secrets, in a body, a message or a row."""

import re
from functools import lru_cache

# OpenStack's own list (oslo_utils.strutils: _SANITIZE_KEYS), and what the three services put on the bus beside it.
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|(admin|new)_?pass|secret|private_key|connection_info|auth_key|credential|"
    r"(^|_)(auth_)?token$|^x-(auth|service|subject)-token$|chap|user_data|injected_files|personality|keyring|encryption_key$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a field of this name is secret. Cached: there are few names."""
    return _SECRET_NAME.search(name) is not None


def mentions_secret(text: str) -> bool:
    """Whether a longer text may contain the name of a secret."""
    return _SECRET_NAME.search(text) is not None or "token" in text


def masked(text: str) -> str:
    """The text without the user and password of any URL in it."""
    return re.sub(r"://[^/\s]*@", "://***@", text)
