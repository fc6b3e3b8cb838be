"""Calls made up from the tables of requests: bodies broken in several places at once, at any address and version."""

import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import orjson

from stackwire.compare.fixtures import PLACEHOLDER
from stackwire.compare.odd_values import ABSENT, ODD_VALUES
from stackwire.compare.request import Request
from stackwire.compare.tables import all_requests
from support.routes import recorded

NEWEST = {"compute": "2.104", "volume": "3.71"}
WILD: list[Any] = [
    *(each for each in ODD_VALUES.values() if each is not ABSENT),
    *(2**31 - 1, 2**63 - 1, -(2**31), 0.1, "\u202e", "\U0001f4be" * 90, "x" * 70_000, "' OR 1=1 --", "%s%n", "../a"),
    *("2026-01-01T00:00:00Z", "::1", "a,b", "a/b", "AUTO", "error", {"a": {"b": [{}]}}, [[[]]], [1, "a", None]),
]  # fmt: skip
IN_PATHS = ["a", "%20", "%00", "..", "detail", "-1", "%F0%9F%92%BE", "a" * 300, "00000000-0000-4000-8000-000000000000"]


@dataclass(frozen=True, slots=True)
class Call:
    """``path`` and ``body`` name fixtures in braces; ``body`` None: none is sent."""

    user: str
    method: str
    path: str
    version: str
    body: Any

    def __str__(self) -> str:
        body = "" if self.body is None else orjson.dumps(self.body).decode()[:2000]
        return f"{self.user}: {self.method} {self.path} {self.version} {body}"


class Author:
    """Makes up calls of one service; the same ones from the same seed."""

    def __init__(self, service: str, seed: int) -> None:
        self._random = random.Random(seed)
        self._service = service
        self._requests = [each for each in all_requests().values() if each.service == service]
        self._routes = [route.split(" ", 1) for route in recorded(service)]
        self._parts = [part for each in self._requests for part in _parts(each.body)]

    def call(self) -> Call:
        pick = self._random.choice
        if self._random.random() < 0.2:
            method, path = pick(self._routes)
            body: Any = {} if method in {"POST", "PUT", "PATCH"} else None
        else:
            request: Request = pick(self._requests)
            method, path, body = request.method, request.path, deepcopy(request.body)
        if self._random.random() < 0.3:
            path += f"?{self._query()}"
        if body is not None:
            for _ in range(self._random.randrange(4)):
                body = self._broken(body)
        if self._random.random() < 0.05:
            method = pick(["GET", "PUT", "POST", "PATCH", "DELETE"])
        return Call(pick(["demo", "demo", "admin", "alt"]), method, self._at(path), self._version(), body)

    def _at(self, path: str) -> str:
        """The path, with something else where the id of a fixture belongs, now and then."""
        for name in PLACEHOLDER.findall(path):
            if name == "unknown" or self._random.random() < 0.1:
                path = path.replace(f"{{{name}}}", self._random.choice(IN_PATHS))
        return path

    def _query(self) -> str:
        names = "limit marker offset sort sort_key sort_dir all_tenants name status changes-since deleted with_count"
        key = self._random.choice(names.split())
        return f"{key}={self._random.choice(['1', '-1', '', 'a', 'id:asc', '1e9', 'True', '%00', '%FF', '2026-13-01'])}"

    def _version(self) -> str:
        newest = NEWEST.get(self._service)
        if newest is None or self._random.random() < 0.5:
            return newest or ""
        major, minor = newest.split(".")
        return f"{major}.{self._random.randint(int(major == '2'), int(minor))}"

    def _broken(self, body: Any) -> Any:
        """With another value somewhere, without something, or with a part of another body."""
        places = list(_places(body))
        if not places or self._random.random() < 0.05:
            return self._random.choice(WILD)
        node, key = self._random.choice(places)
        chance = self._random.random()
        if chance < 0.15:
            del node[key]
        elif chance < 0.35 and isinstance(node, dict):
            name, value = self._random.choice(self._parts)
            node[name] = deepcopy(value)
        else:
            node[key] = deepcopy(self._random.choice(WILD))
        return body


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container in a body with each key or index in it."""
    children: Sequence[tuple[Any, Any]] = ()
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    return [each for key, child in children for each in ((node, key), *_places(child))]


def _parts(body: Any) -> list[tuple[str, Any]]:
    return [(key, node[key]) for node, key in _places(body) if isinstance(node, dict)]
