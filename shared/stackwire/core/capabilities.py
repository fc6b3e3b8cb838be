"""Whether capabilities are what extra specs ask for: of a back end for a volume, of a host for a server."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_OPERATORS: Mapping[str, Callable[[Any, str], bool]] = {
    "=": lambda offered, wanted: float(offered) >= float(wanted),
    "==": lambda offered, wanted: float(offered) == float(wanted),
    "!=": lambda offered, wanted: float(offered) != float(wanted),
    ">=": lambda offered, wanted: float(offered) >= float(wanted),
    "<=": lambda offered, wanted: float(offered) <= float(wanted),
    "<in>": lambda offered, wanted: wanted in offered,
    "<is>": lambda offered, wanted: _true(offered) is _true(wanted),
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def satisfies(capabilities: Mapping[str, Any], extra_specs: Mapping[str, str | None]) -> bool:
    """Whether these are what the extra specs ask for; those of another scope than ``capabilities`` ask for nothing.

    ``cinder/scheduler/filters/capabilities_filter.py: CapabilitiesFilter``; Nova: ``compute_capabilities_filter.py``.
    """
    return all(_satisfied(capabilities, key.split(":"), wanted or "") for key, wanted in extra_specs.items())


def _satisfied(offered: Any, scope: list[str], wanted: str) -> bool:
    if len(scope) > 1 and scope[0] != "capabilities":
        return True
    for name in scope[1:] if scope[0] == "capabilities" else scope:
        if not isinstance(offered, Mapping) or name not in offered:
            return False
        offered = offered[name]
    return any(_matches(value, wanted) for value in (offered if isinstance(offered, list) else [offered]))


def _matches(offered: Any, wanted: str) -> bool:
    """``cinder/scheduler/filters/extra_specs_ops.py: match``."""
    sign, *words = wanted.split() or [""]
    if sign == "<or>":
        return offered is not None and offered in words[::2]
    if sign not in _OPERATORS:
        return bool(offered == wanted)
    try:
        return offered is not None and bool(words) and _OPERATORS[sign](offered, words[0])
    except (TypeError, ValueError):  # a word where a number belongs
        return False


def _true(value: Any) -> bool:
    return str(value).strip().lower() in _TRUE
