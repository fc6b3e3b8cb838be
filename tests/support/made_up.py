"""Calls made up from the tables of requests: bodies broken in several places at once, at any address and version.

Most are about things that there are, in whatever state the calls before have brought them to.
"""

import random
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import orjson

from stackwire.compare.fixtures import PLACEHOLDER, Fixture
from stackwire.compare.odd_values import ABSENT, ODD_VALUES
from stackwire.compare.request import Request
from stackwire.compare.tables import all_requests
from support.routes import KNOWN, recorded

NEWEST = {"compute": "2.104", "volume": "3.71"}
WILD: list[Any] = [
    *(each for each in ODD_VALUES.values() if each is not ABSENT),
    *(2**31 - 1, 2**63 - 1, -(2**31), 0.1, "\u202e", "\U0001f4be" * 90, "x" * 70_000, "' OR 1=1 --", "%s%n", "../a"),
    *("2026-01-01T00:00:00Z", "::1", "a,b", "a/b", "AUTO", "error", {"a": {"b": [{}]}}, [[[]]], [1, "a", None]),
]  # fmt: skip
VOLUME = {"volume_id": "{volume}", "name": "made up"}
GROUP = {"name": "made up", "group_type": "{group_type}", "volume_types": ["{volume_type}"]}
THINGS = {
    **KNOWN,
    "aggregate": Fixture("compute", "/os-aggregates", {"aggregate": {"name": "{unique}"}}, "aggregate", admin=True),
    "server_group": Fixture(
        "compute", "/os-server-groups", {"server_group": {"name": "a", "policies": ["affinity"]}}, "server_group"
    ),
    "backup": Fixture("volume", "/backups", {"backup": VOLUME}, "backup"),
    "transfer": Fixture("volume", "/volume-transfers", {"transfer": VOLUME}, "transfer", "3.55"),
    "qos_specs": Fixture("volume", "/qos-specs", {"qos_specs": {"name": "{unique}"}}, "qos_specs", admin=True),
    "group_type": Fixture(
        "volume", "/group_types", {"group_type": {"name": "{unique}"}}, "group_type", "3.11", admin=True
    ),
    "group": Fixture("volume", "/groups", {"group": GROUP}, "group", "3.14"),
    "other_project": Fixture("identity", "/projects", {"project": {"name": "{unique}"}}, "project", admin=True),
    "group_snapshot": Fixture(
        "volume", "/group_snapshots", {"group_snapshot": {"group_id": "{group}"}}, "group_snapshot", "3.14"
    ),
}  # fmt: skip
IN_LISTS = {
    "servers": "server", "os-volumes_boot": "server", "os-volume_attachments": "volume", "images": "image",
    "os-aggregates": "aggregate", "os-server-groups": "server_group", "os-snapshots": "snapshot",
    "flavors": "any_flavor",
    "os-volumes": "volume", "os-keypairs": "keypair", "volumes": "volume", "snapshots": "snapshot", "backups": "backup",
    "attachments": "attachment", "types": "volume_type", "qos-specs": "qos_specs", "group_types": "group_type",
    "groups": "group", "group_snapshots": "group_snapshot", "volume-transfers": "transfer",
    "os-volume-transfer": "transfer",
}  # fmt: skip
"""What has its place behind such a word in a path."""
PLACE = re.compile(r"(?<=/)([a-z_-]+)/(\{unknown}|\{uuid}|4711|00000000-[0-9a-f-]+)")
SOMEBODYS = ["{server}", "{volume}", "{image}", "{snapshot}", "{volume_type}", "{any_flavor}", "{project}", "{keypair}"]
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
            for _ in range(pick([0, 0, 1, 1, 2, 3])):
                body = self._broken(body)
        if self._random.random() < 0.05:
            method = pick(["GET", "PUT", "POST", "PATCH", "DELETE"])
        return Call(pick(["demo", "demo", "admin", "alt"]), method, self._at(path), self._version(), body)

    def _at(self, path: str) -> str:
        """The path about a thing that there is; now and then with something else where its id belongs.

        A call that deletes a project deletes none that the callers are in.
        """
        if self._service == "identity":
            path = path.replace("{project}", "{other_project}")
        path = PLACE.sub(lambda found: f"{found[1]}/{{{IN_LISTS.get(found[1], 'unknown')}}}", path)
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
        elif chance < 0.45:
            node[key] = self._random.choice(SOMEBODYS)
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
