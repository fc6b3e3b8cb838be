"""Who may do what: tables of calls by roles, each cell tried over real HTTP, and what is true of every refusal.

A row names a call, its microversion and the state of what it is about; its cells are the statuses. Things that calls
name in braces (``{server}``, ``{volume}``) belong to the role ``own`` and are made when first needed.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import orjson
from aiohttp import web

from support.cloud import Answer, JsonClient

ROLES = ("own", "rd", "oth", "adm", "svc")
"""A member of the owner's project, a reader there, a member elsewhere, an administrator, a service for the owner."""
STRANGERS = ("rd", "oth")
CANARY = "canary-7Qk3"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
FOLDER = Path(__file__).parent.parent / "data" / "isolation"
Maker = Callable[["Stage"], Awaitable[str]]


@dataclass(frozen=True)
class Row:
    call: str
    version: str
    state: str
    expected: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.call} ({self.state or self.version})"

    @property
    def method(self) -> str:
        return self.call.split()[0]


def table(service: str) -> list[Row]:
    """The rows of ``data/isolation``."""
    made = []
    for line in (FOLDER / f"{service}.txt").read_text().splitlines()[1:]:
        call, version, state, cells = (part.strip() for part in line.split("|"))
        made.append(Row(call, version, state, dict(zip(ROLES, cells.split(), strict=True))))
    return made


class AsService(JsonClient):
    """The user's call with a service's token beside the user's own."""

    def __init__(self, client: JsonClient, service_token: str) -> None:
        super().__init__(client._session, client.urls, client.token, client.project_id)
        self._service_token = service_token

    async def request(self, *args: Any, headers: Any = None, **kwargs: Any) -> Answer:
        headers = {"X-Service-Token": self._service_token, **(headers or {})}
        return await super().request(*args, headers=headers, **kwargs)


class Cloud(Protocol):
    """What the tables need of a cloud."""

    async def settle(self, timeout: float = ...) -> None: ...

    async def http(self, user: str = ..., project: str | None = ...) -> JsonClient: ...


async def roles_of(cloud: Cloud) -> dict[str, JsonClient]:
    own = await cloud.http("demo")
    return {
        "own": own,
        "rd": await cloud.http("reader"),
        "oth": await cloud.http("alt"),
        "adm": await cloud.http("admin"),
        "svc": AsService(own, (await cloud.http("nova", "service")).token),
    }


@dataclass
class Stage:
    """A cloud, a client for each role, and what the calls are about.

    ``bodies``: of calls that have one, by the call. ``makers``: of things, by name; ``as_wished``: whether such a thing
    is still as its maker leaves it.
    """

    cloud: Cloud
    service: str
    prefix: str
    roles: Mapping[str, JsonClient]
    bodies: Mapping[str, Any]
    makers: Mapping[str, Maker]
    as_wished: Callable[["Stage", str, str], Awaitable[bool]]
    by_state: Collection[str] = ()
    state: str = ""
    made: dict[tuple[str, str], str] = field(default_factory=dict)

    def _key(self, name: str) -> tuple[str, str]:
        return name, self.state if name in self.by_state else ""

    async def thing(self, name: str) -> str:
        """Its id. What is in ``by_state`` is another in each state."""
        key = self._key(name)
        if key not in self.made:
            self.made[key] = await self.makers[name](self)
        return self.made[key]

    async def filled(self, text: str) -> str:
        for name in PLACEHOLDER.findall(text):
            if name in self.makers:
                text = text.replace(f"{{{name}}}", await self.thing(name))
        return text.replace("{unique}", str(uuid4()))

    async def filled_json(self, value: Any) -> Any:
        return orjson.loads(await self.filled(orjson.dumps(value).decode()))

    async def ask(self, client: JsonClient, row: Row, without: str = "") -> Answer:
        """The row's call. ``without``: the id put in place of what the path names first."""
        method, path = row.call.split()[:2]
        if without:
            path = PLACEHOLDER.sub(without, path, count=1)
        path, body = await self.filled(path), self.bodies.get(row.call)
        data = (await self.filled(orjson.dumps(body).decode())).encode() if body is not None else None
        return await self.send(client, method, path, data, row.version)

    async def send(
        self, client: JsonClient, method: str, path: str, data: bytes | None = None, version: str = ""
    ) -> Answer:
        headers = {"Content-Type": "application/json"} if data is not None else {}
        if version:
            headers["OpenStack-API-Version"] = f"{self.service} {version}"
        return await client.request(method, self.service, self.prefix + path, data=data, headers=headers)

    async def settled(self, row: Row) -> None:
        """After a call that was accepted: what it spoilt is made anew when it is next needed."""
        await self.cloud.settle()
        if row.method != "GET":
            for name in PLACEHOLDER.findall(row.call + orjson.dumps(self.bodies.get(row.call)).decode()):
                known = self.made.get(self._key(name))
                if known and (row.method == "DELETE" or not await self.as_wished(self, name, known)):
                    del self.made[self._key(name)]


Dump = Callable[[], Awaitable[Any]]


async def check(stage: Stage, row: Row, dump: Dump) -> None:
    """Each role asks, who is refused first. Of a refusal: it changes nothing, tells nothing that was written into the
    things, and what is not yours is answered as what never was."""
    stage.state = row.state
    await stage.filled(row.call + orjson.dumps(stage.bodies.get(row.call)).decode())
    await stage.cloud.settle()
    found: dict[str, str] = {}
    before = await dump()
    for role in sorted(row.expected, key=lambda role: row.expected[role] < "300"):
        client = stage.roles[role]
        answer = await stage.ask(client, row)
        found[role] = str(answer.status)
        if answer.status < 300:
            await stage.settled(row)
            continue
        if role in STRANGERS:
            assert CANARY not in answer.body.decode(), (role, answer.body)
        if found[role] == row.expected[role]:
            now = await dump()
            changed = [each for each in before if now[each] != before[each]]
            assert changed == [], f"{role} was refused, which changed {changed}"
        named = PLACEHOLDER.search(row.call)
        if role == "oth" and answer.status == 404 and named is not None and named[1] in stage.makers:
            await check_not_told(stage, row, client, answer, await stage.thing(named[1]))
    assert said(found) == said(row.expected), f"{said(found)}, not {said(row.expected)}"


def said(statuses: Mapping[str, str]) -> str:
    return " ".join(statuses[role] for role in ROLES)


async def check_not_told(stage: Stage, row: Row, client: JsonClient, answer: Answer, thing: str) -> None:
    nowhere = str(uuid4())
    never = await stage.ask(client, row, without=nowhere)
    assert (never.status, never.body.replace(nowhere.encode(), thing.encode())) == (answer.status, answer.body)
    assert set(never.headers) == set(answer.headers)


async def check_nobody(stage: Stage, rows: Iterable[Row]) -> None:
    """Without a token there is no call at all."""
    own = stage.roles["own"]
    nobody = JsonClient(own._session, own.urls, "", own.project_id)
    answered = {}
    for row in rows:
        method, path = row.call.split()[:2]
        data = None if method == "GET" else b"{}"
        answer = await stage.send(nobody, method, PLACEHOLDER.sub(str(uuid4()), path), data, row.version)
        if answer.status != 401 or CANARY.encode() in answer.body:
            answered[row.call] = answer.status
    assert answered == {}


def calls_without_a_row(app: web.Application, prefix: str, rows: Iterable[Row]) -> list[str]:
    """The routes of the service behind ``prefix`` that no row of the table asks."""
    asked = [f"{row.method} {prefix}{PLACEHOLDER.sub('x', row.call.split()[1].partition('?')[0])}" for row in rows]
    found = []
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        named = path.removeprefix(f"{prefix}/")
        if named in (path, "") or named.startswith(("{project", "versions/")):
            continue  # another path of the same call, and what everybody may read
        if route.method in ("GET", "POST", "PUT", "DELETE"):
            pattern = re.compile(f"{route.method} {re.sub(r'[{][^}]+[}]', '[^/]+', path)}")
            if not any(pattern.fullmatch(each) for each in asked):
                found.append(f"{route.method} {path.removeprefix(prefix)}")
    return found


def dump_of(cloud: Any, *services: str) -> Dump:
    """Digests of all rows of these services, by table; not of what changes by itself."""
    statements: dict[str, str] = {}

    async def statement(service: str) -> str:
        tables = await cloud.rows(
            service, "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        )
        names = [each["name"] for each in tables if each["name"] not in UNSEEN]
        digest = "SELECT '{0}' AS name, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS rows FROM {0} t"
        return " UNION ALL ".join(digest.format(name) for name in names)

    async def dump() -> Any:
        found: dict[tuple[str, str], str] = {}
        for service in services:
            if service not in statements:
                statements[service] = await statement(service)
            found |= {(service, each["name"]): each["rows"] for each in await cloud.rows(service, statements[service])}
        return found

    return dump


UNSEEN = {"outbox", "leases", "services", "schema_migrations"}
