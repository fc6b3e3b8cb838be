"""One request of a table, and the forms of it that are sent."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from stackwire.compare.odd_values import ABSENT, ODD_VALUES, UNKNOWN_KEY

VALID = "(valid)"
"""The field and value of the row in which nothing is odd."""
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that a cloud accepts as it stands.

    ``{image}`` and its like, in path, body and query, are the ids of fixtures (``fixtures.py``). ``path`` is below the
    endpoint of the service as the catalogue has it, the image service's below its root.
    ``created`` is where the answer has the id of what was made, as ``server.id``; ``undo`` is the path that deletes it,
    in ``undo_service`` if that is another. ``restore`` is a path and a body that an administrator sends after each
    success, to bring a fixture back to its state.
    ``renew`` names fixtures that are made anew after each success, ``wait`` those that must come to rest after it.
    ``unvaried`` are fields, as ``server.networks``, that keep their value, with all below them; and single rows, as
    ``protected true``, that are not asked. Where there is ``varied``, all fields but those keep theirs.
    ``status`` is the answer of a request that, as it stands, is refused for a reason that comes after all checks of its
    body, as a quota: so its rows need nothing made, and nothing deleted.
    """

    name: str
    service: str
    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[str, ...] = ("",)
    admin: bool = False
    created: str = ""
    undo: str = ""
    undo_service: str = ""
    restore: tuple[str, Any] | None = None
    renew: tuple[str, ...] = ()
    wait: tuple[str, ...] = ()
    unvaried: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a request: ``field`` has the odd value called ``value``. ``body`` is ABSENT where none is sent."""

    field: str
    value: str
    body: Any
    query: str = ""


def variants(request: Request) -> Iterator[Variant]:
    """The request as it is, then with each odd value in each field of its body, and of the query of a GET."""
    yield Variant(VALID, VALID, ABSENT if request.body is None else request.body, urlencode(request.query, safe="{}"))
    if request.body is not None:
        yield from _odd_bodies(request)
    if request.method == "GET":
        yield from _odd_queries(request)


def _odd_bodies(request: Request) -> Iterator[Variant]:
    for path in _paths(request.body):
        name = ".".join(map(str, path))
        if _is_varied(name, request):
            for value, odd in _odd_values(path, request.unvaried).items():
                yield Variant(name, value, _with(request.body, path, odd), urlencode(request.query, safe="{}"))


def _odd_queries(request: Request) -> Iterator[Variant]:
    texts = {value: str(odd) for value, odd in ODD_VALUES.items() if isinstance(odd, str | int)}
    for key in [*request.query, UNKNOWN_KEY]:
        if _is_varied(f"?{key}", request):
            for value, text in texts.items():
                yield Variant(f"?{key}", value, ABSENT, urlencode({**request.query, key: text}, safe="{}"))


def _paths(node: Any, above: Path = ()) -> Iterator[Path]:
    """Every place in a body, the whole of it first; in each object also the place of a key that no schema knows."""
    yield above
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _paths(child, (*above, key))
    if isinstance(node, dict):
        yield (*above, UNKNOWN_KEY)


def _odd_values(path: Path, unvaried: tuple[str, ...]) -> Mapping[str, Any]:
    if path and path[-1] == UNKNOWN_KEY:
        return {"letter": ODD_VALUES["letter"]}
    name = ".".join(map(str, path))
    return {value: odd for value, odd in ODD_VALUES.items() if f"{name} {value}" not in unvaried}


def _is_varied(name: str, request: Request) -> bool:
    return not _within(name, request.unvaried) and (not request.varied or _within(name, request.varied))


def _within(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in names)


def _with(body: Any, path: Path, value: Any) -> Any:
    """A copy of the body with the value at that place, or without it."""
    if not path:
        return value
    copy = deepcopy(body)
    node = copy
    for step in path[:-1]:
        node = node[step]
    if value is ABSENT:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return copy
