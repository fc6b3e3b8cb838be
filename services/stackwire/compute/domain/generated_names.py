"""Host names, passwords and other names a server gets."""

import re
from collections.abc import Callable

HOSTNAME_LIMIT = 63
# nova/utils.py: DEFAULT_PASSWORD_SYMBOLS, without what is easily mistaken
PASSWORD_GROUPS = ("23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz")
PASSWORD_LENGTH = 12


def hostname(display_name: str, default: str) -> str:
    """A host name from a display name: lower case, dashes for blanks and dots, nothing else; ``default`` when empty.

    ``nova/utils.py: sanitize_hostname``.
    """
    plain = display_name.encode("latin-1", "ignore").decode("latin-1")
    plain = re.sub(r"[ _.]", "-", plain)
    plain = re.sub(r"[^\w-]+", "", plain, flags=re.ASCII).lower().strip("-.")
    return plain[:HOSTNAME_LIMIT].rstrip("-") or default


def numbered(name: str, index: int, count: int) -> str:
    """The name of one of several servers created together: ``web-1``, ``web-2``."""
    return name if count == 1 else f"{name}-{index + 1}"


def password(pick: Callable[[str], str]) -> str:
    """Twelve symbols with one of each group at least; ``pick`` draws one from a text."""
    every = "".join(PASSWORD_GROUPS)
    drawn = [pick(group) for group in PASSWORD_GROUPS]
    return "".join([*drawn, *(pick(every) for _ in range(PASSWORD_LENGTH - len(drawn)))])


def reservation(pick: Callable[[str], str]) -> str:
    """The reservation id of a request: ``r-`` and eight symbols."""
    return "r-" + "".join(pick("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(8))
