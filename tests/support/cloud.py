"""A whole cloud inside a test: the real services in one loop, the in-process bus, a PostgreSQL database of its own.

async def test_a_story(a_cloud):
    cloud = await a_cloud(release="pike")
    demo = await cloud.http("demo")
    answer = await demo.post("image", "/v2/images", json={"name": "i"})
    await cloud.settle()
"""

import asyncio
import io
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import aiohttp
import orjson
import pytest

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, REGISTRY, Options, free_ports
from stackwire.core.clock import Clock
from stackwire.core.faults import FaultRules
from stackwire.db.bootstrap import ROLES, create_database
from stackwire.runtime.service import PortInUse
from support import invariants
from support.paired import IS_PAIRED, PairedCloud
from support.postgres import TestDatabase, TestServer, drop_checked

T = TypeVar("T")
TOKEN_KEY = "0123456789abcdef" * 4
SHARED = 4
AT_REST_SECONDS = 30.0
"""How long what a test has begun may go on after it."""
PROJECT_OF = {"demo": "demo", "admin": "admin", "alt": "alt"}


@dataclass(frozen=True, slots=True)
class Answer:
    """``json`` is None when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def ok(self, *statuses: int) -> "Answer":
        """Itself, when the status is one of these (or any 2xx); else the test fails with the body."""
        expected = statuses or range(200, 300)
        assert self.status in expected, f"{self.status}: {self.body[:2000]!r}"
        return self


class JsonClient:
    """One user's way to the services. ``{project_id}`` in a path is the token's project."""

    def __init__(self, session: aiohttp.ClientSession, urls: Mapping[str, str], token: str, project_id: str) -> None:
        self._session = session
        self.urls = urls
        self.token = token
        self.project_id = project_id

    async def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """``json`` is sent as such (a list or a dictionary), ``data`` as bytes."""
        sent = {"X-Auth-Token": self.token, **(headers or {})}
        if json is not None:
            data = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        if isinstance(data, bytes):
            data = io.BytesIO(data)  # aiohttp warns of large bytes
        url = f"{self.urls[service]}{path.replace('{project_id}', self.project_id)}"
        async with self._session.request(method, url, data=data, headers=sent) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def get(self, service: str, path: str, **kwargs: Any) -> Answer:
        return await self.request("GET", service, path, **kwargs)

    async def post(self, service: str, path: str, **kwargs: Any) -> Answer:
        return await self.request("POST", service, path, **kwargs)

    async def put(self, service: str, path: str, **kwargs: Any) -> Answer:
        return await self.request("PUT", service, path, **kwargs)

    async def patch(self, service: str, path: str, **kwargs: Any) -> Answer:
        return await self.request("PATCH", service, path, **kwargs)

    async def delete(self, service: str, path: str, **kwargs: Any) -> Answer:
        return await self.request("DELETE", service, path, **kwargs)


async def log_in(
    session: aiohttp.ClientSession, urls: Mapping[str, str], user: str = "demo", project: str | None = None
) -> JsonClient:
    """A client with a token of the user, scoped to the project; every seeded user's password is ``secret``."""
    domain = {"id": "default"}
    wish = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "domain": domain, "password": "secret"}},
            },
            "scope": {"project": {"name": project or PROJECT_OF.get(user, "demo"), "domain": domain}},
        }
    }
    async with session.post(f"{urls['identity']}/v3/auth/tokens", json=wish) as response:
        body = await response.json()
        assert response.status == 201, body
        return JsonClient(session, urls, response.headers["X-Subject-Token"], body["token"]["project"]["id"])


class TestCloud:
    """The cloud of one test. ``rows`` reads any service's tables, for the tests that compare them with recordings."""

    __test__ = False

    def __init__(self, cloud: Cloud, database: TestDatabase) -> None:
        self.cloud = cloud
        self.database = database
        connector = aiohttp.TCPConnector(force_close=isinstance(cloud, PairedCloud))  # for each process some requests
        self._session = aiohttp.ClientSession(connector=connector)
        self._clients: dict[tuple[str, str], JsonClient] = {}

    @property
    def urls(self) -> dict[str, str]:
        return self.cloud.urls

    @property
    def auth_url(self) -> str:
        return f"{self.urls['identity']}/v3"

    def endpoint(self, service: str) -> str:
        return self.urls[service]

    def processes(self, service: str) -> list[Any]:
        """One of the service, or two."""
        clouds = [self.cloud, self.cloud.second] if isinstance(self.cloud, PairedCloud) else [self.cloud]
        return [cloud.services[service] for cloud in clouds]

    async def token(self, user: str = "demo") -> str:
        return (await self.http(user)).token

    async def settle(self, timeout: float = 30.0) -> None:
        """Returns when nothing is under way anywhere."""
        await self.cloud.settle(timeout)

    async def http(self, user: str = "demo", project: str | None = None) -> JsonClient:
        """An authenticated client; every seeded user's password is ``secret``."""
        project = project or PROJECT_OF.get(user, "demo")
        if (user, project) not in self._clients:
            self._clients[user, project] = await self._log_in(user, project)
        return self._clients[user, project]

    async def log_in_again(self, user: str = "demo") -> JsonClient:
        """A client with a new token."""
        return await self._log_in(user, PROJECT_OF[user])

    async def _log_in(self, user: str, project: str) -> JsonClient:
        return await log_in(self._session, self.urls, user, project)

    async def sdk(self, use: Callable[[Any], T], user: str = "demo", project: str | None = None) -> T:
        """Runs ``use(connection)`` in a thread: openstacksdk blocks, and the cloud lives on this loop."""
        return await asyncio.to_thread(lambda: use(self.connection(user, project)))

    def connection(self, user: str = "demo", project: str | None = None) -> Any:
        """An openstacksdk Connection; use it in a thread only (``sdk``)."""
        import openstack

        return openstack.connect(
            auth={
                "auth_url": self.auth_url,
                "username": user,
                "password": "secret",
                "project_name": project or PROJECT_OF.get(user, "demo"),
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            region_name="RegionOne",
            floating_ip_source="None",  # as in the clouds.yaml of `stackwire up`
            load_yaml_config=False,
            load_envvars=False,
        )

    async def openstack(self, *words: str, user: str = "demo", project: str | None = None) -> str:
        """The output of the stock ``openstack`` command; the test fails with its errors."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "PYTHONWARNINGS": "ignore",
            "OS_AUTH_URL": self.auth_url,
            "OS_USERNAME": user,
            "OS_PASSWORD": "secret",
            "OS_PROJECT_NAME": project or PROJECT_OF.get(user, "demo"),
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
        }
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("openstack")),
            *words,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, f"openstack {' '.join(words)}: {err.decode()}"
        return out.decode()

    async def rows(self, service: str, sql: str, *args: object) -> list[dict[str, Any]]:
        return await self.cloud.services[service].database.rows(sql, *args)

    async def close(self) -> None:
        await self._session.close()
        await self.cloud.stop()


class ACloud(Protocol):
    def __call__(
        self,
        *,
        release: str = "current",
        with_bugs: Sequence[str] = (),
        services: Sequence[str] | None = None,
        clock: Clock | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        amqp_url: str = "memory",
        trace: bool = False,
        index: bool = False,
        faults: FaultRules | None = None,
        paired: bool = False,
    ) -> Awaitable[TestCloud]: ...


class ASharedCloud(Protocol):
    def __call__(
        self,
        release: str = "current",
        with_bugs: Sequence[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        services: Sequence[str] | None = None,
        trace: bool = False,
        faults: bool = False,
    ) -> Awaitable[TestCloud]: ...


async def _started(
    postgres: TestDatabase,
    data_dir: Path,
    *,
    release: str = "current",
    with_bugs: Sequence[str] = (),
    services: Sequence[str] | None = None,
    clock: Clock | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    amqp_url: str = "memory",
    trace: bool = False,
    index: bool = False,
    faults: FaultRules | None = None,
    paired: bool = IS_PAIRED,
) -> TestCloud:
    """A cloud that answers; the arguments are those of ``ACloud``. ``paired``: each service has two processes."""
    for attempt in range(5):
        ports = free_ports((*ORDER, "trace", "index", REGISTRY))
        tracer, index_port, registry = ports.pop("trace"), ports.pop("index"), ports.pop(REGISTRY)
        options = Options(
            data_dir=data_dir,
            ports=ports,
            trace_port=tracer if trace else None,
            index_port=index_port if index else None,
            registry_port=registry,
            release=release,
            with_bugs=tuple(with_bugs),
            amqp_url=amqp_url,
        )
        urls = {name: postgres.url(name) for name in ROLES}
        wish: dict[str, Any] = {"database_urls": urls, "token_key": TOKEN_KEY, "clock": clock, "settings": settings}
        kind = PairedCloud if paired and faults is None else Cloud
        cloud = kind(options, faults=faults, **wish)
        try:
            await cloud.start(services)
            break
        except PortInUse:  # somebody took it since it was found free
            if attempt == 4:
                raise
    return TestCloud(cloud, postgres)


@pytest.fixture
def audited() -> bool:
    """Whether what a test leaves of a cloud must be at rest and whole: in ``stack/`` it must."""
    return False


@pytest.fixture
async def a_cloud(postgres: TestDatabase, tmp_path: Path, audited: bool) -> AsyncIterator[ACloud]:
    """Builds and starts a cloud; stopped after the test. A second one shares its database and files."""
    started: list[TestCloud] = []

    async def build(**wish: Any) -> TestCloud:
        started.append(await _started(postgres, tmp_path / "cloud", **wish))
        return started[-1]

    yield cast(ACloud, build)
    try:
        if audited:
            await invariants.hold_in(postgres.admin_url, AT_REST_SECONDS)
    finally:
        async with AsyncExitStack() as last:  # whatever one of them raises, the others are stopped too
            for cloud in reversed(started):
                last.push_async_callback(cloud.close)


@pytest.fixture(scope="module")
async def a_shared_cloud(
    postgres_server: TestServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ASharedCloud]:
    """The cloud of a release, with those bugs and settings: started when first asked for, one for a whole module.

    Each has a database and files of its own. Quotas are shared too: a test leaves little behind. Of more than a few,
    the one not asked for longest is stopped: connections to PostgreSQL are not without end.
    """
    started: dict[tuple[str, tuple[str, ...], str], TestCloud] = {}
    violations: list[str] = []

    async def stop(cloud: TestCloud) -> None:
        await cloud.close()
        violations.extend(await drop_checked(cloud.database))

    async def build(
        release: str = "current",
        with_bugs: Sequence[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        services: Sequence[str] | None = None,
        trace: bool = False,
        faults: bool = False,
    ) -> TestCloud:
        which = (release, tuple(with_bugs), repr((settings, services, trace, faults)))
        cloud = started.pop(which, None)
        if cloud is None:
            if len(started) >= SHARED:
                await stop(started.pop(next(iter(started))))
            database = TestDatabase(postgres_server, f"{postgres_template}_{uuid.uuid4().hex[:8]}")
            await create_database(postgres_server.admin, database.name, template=postgres_template)
            folder = tmp_path_factory.mktemp("cloud")
            wish: dict[str, Any] = {"release": release, "with_bugs": with_bugs, "settings": settings}
            wish |= {"services": services, "trace": trace, "faults": FaultRules() if faults else None}
            cloud = await _started(database, folder, **wish)
        started[which] = cloud
        return cloud

    yield build
    async with AsyncExitStack() as last:
        for cloud in started.values():
            last.push_async_callback(stop, cloud)
    assert not violations, "\n".join(violations)


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    """Today's rules, every service."""
    return await a_cloud()
