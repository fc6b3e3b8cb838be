"""Access rules: the requests that the token of an application credential is good for.

Source: ``keystonemiddleware/auth_token/__init__.py: _path_matches``.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

_PARTS = re.compile(r"\{[^}]*\}|\*\*|\*|[^{*]+|\{")


@lru_cache(maxsize=1024)
def _pattern(path: str) -> re.Pattern[str]:
    """``*`` and ``{tag}`` are one part of a path, ``**`` is any number of them; all else is itself."""
    parts = (
        ".*" if part == "**" else "[^/]+" if part == "*" or (part.endswith("}") and part[0] == "{") else re.escape(part)
        for part in _PARTS.findall(path)
    )
    return re.compile("".join(parts))


def any_allows(rules: Iterable[tuple[str, str, str]], service_types: Collection[str], method: str, path: str) -> bool:
    """Whether one of the rules (service, path, method) is about this request to a service of these types."""
    return any(
        service in service_types and method == allowed and _pattern(pattern).fullmatch(path) is not None
        for service, pattern, allowed in rules
    )
