"""The hint ``query``: an expression in JSON over what is known of a host. ``nova/scheduler/filters/json_filter.py``.

``["and", [">=", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "QEMU"]]``; a text after ``$`` is looked up.
"""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs, state_of

LIMIT = 200


def _with_others(compare: Callable[[Any, Any], Any]) -> Callable[[list[Any]], Any]:
    """The first value compared with each of the others, of which there must be one."""
    return lambda values: len(values) > 1 and all(compare(values[0], other) for other in values[1:])


OPERATORS: Mapping[str, Callable[[list[Any]], Any]] = {
    "=": _with_others(operator.eq),
    "<": _with_others(operator.lt),
    ">": _with_others(operator.gt),
    "<=": _with_others(operator.le),
    ">=": _with_others(operator.ge),
    "in": lambda values: len(values) > 1 and values[0] in values[1:],
    "not": lambda values: [not value for value in values],
    "or": any,
    "and": all,
}


def does_not_match(host: Host, needs: Needs) -> str | None:
    """The host is not what the query asks for, or the query is none."""
    query, *_ = needs.hints.get("query") or [""]
    if not query:
        return None
    try:
        found = _found(json.loads(query), state_of(host))
    except (ValueError, TypeError, LookupError, RecursionError):
        return f"query={query[:LIMIT]}, which cannot be read"
    return None if (any(found) if isinstance(found, list) else found) else f"query={query[:LIMIT]}"


def _found(query: Any, state: Mapping[str, Any]) -> Any:
    if not query:
        return True
    if not isinstance(query, list):
        raise TypeError
    values = [_value(term, state) for term in query[1:]]
    return OPERATORS[query[0]]([value for value in values if value is not None])


def _value(term: Any, state: Mapping[str, Any]) -> Any:
    if isinstance(term, list):
        return _found(term, state)
    if not isinstance(term, str) or not term.startswith("$"):
        return term or None if isinstance(term, str) else term
    found: Any = state
    for name in term[1:].split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
