"""The pytest plugin: a whole cloud for the session, and fixtures that direct it.

def test_my_client(os_conn, trace):
    server = os_conn.create_server(...)
    assert trace.lineage(server.id).kept("hw_disk_bus")

Nothing but pytest is imported before a test uses it.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from stackwire.testing.answers import Answer
    from stackwire.testing.bus import Bus
    from stackwire.testing.clock import Clock, Pace
    from stackwire.testing.cloud import Cloud
    from stackwire.testing.faults import Faults
    from stackwire.testing.servers import Backend, ServerOptions
    from stackwire.testing.trace import Trace

BACKENDS = ("embedded", "urls", "containers")
_COMPARED = 100
"""Letters of an answer that pytest's own line certainly has."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options ``--stackwire-...``."""
    group = parser.getgroup("stackwire", "a simulated OpenStack for the tests")
    group.addoption(
        "--stackwire-backend",
        choices=BACKENDS,
        help="its PostgreSQL and its bus: embedded ones (the default), those of URLs, or containers",
    )
    group.addoption("--stackwire-database-url", metavar="URL", help="a PostgreSQL, as a user who may create databases")
    group.addoption(
        "--stackwire-amqp-url", metavar="URL", help="a RabbitMQ; with pytest-xdist, {worker} in it is each one's vhost"
    )
    group.addoption(
        "--stackwire-release",
        default="current",
        metavar="NAME",
        help="the OpenStack release whose property rules apply",
    )
    group.addoption(
        "--stackwire-with-bug", action="append", default=[], metavar="lp-NNN", help="a bug to reintroduce; repeatable"
    )
    group.addoption("--stackwire-id-seed", metavar="TEXT", help="decides the ids of resources, the same for each test")


@pytest.fixture(scope="session")
def stackwire_cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cloud"]:
    """Started for the first test that uses it, stopped after the last; with xdist each worker has its own."""
    from contextlib import ExitStack

    from stackwire.testing import servers
    from stackwire.testing.cloud import Cloud

    config, worker = request.config, _worker(request.config)
    options = _server_options(config)
    with ExitStack() as stack:
        more: dict[str, Any] = {}
        if options is not None:
            base = tmp_path_factory.getbasetemp()
            folder = (base if worker == "master" else base.parent) / "stackwire-servers"
            found = stack.enter_context(servers.shared(folder, options))
            more = {"database_url": found.database_url, "template": found.template}
            more |= {"database": f"{found.template}_{worker}", "amqp_url": found.amqp_url_of(worker)}
        cloud = Cloud(
            tmp_path_factory.mktemp("stackwire"),
            release=config.getoption("--stackwire-release"),
            with_bugs=tuple(config.getoption("--stackwire-with-bug")),
            id_seed=config.getoption("--stackwire-id-seed"),
            **more,
        )
        importing = _import_sdk(request)
        cloud.start()
        stack.callback(cloud.stop)
        importing.join()
        yield cloud


def _import_sdk(request: pytest.FixtureRequest) -> Thread:
    """While the cloud starts, where a test is to have a connection: each takes its time."""
    wanted = any("os_conn" in getattr(item, "fixturenames", ()) for item in request.session.items)

    def load() -> None:
        if wanted:
            with suppress(ImportError):  # os_conn says so
                import_module("openstack.connection")

    thread = Thread(target=load, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def stackwire(stackwire_cloud: "Cloud") -> "Cloud":
    """The cloud as it was when it had started: empty, at the machine's time, without faults."""
    stackwire_cloud.reset()
    return stackwire_cloud


@pytest.fixture
def os_conn(stackwire: "Cloud") -> Iterator[Any]:
    """An ``openstack.connection.Connection`` of the user demo (``pip install stackwire[sdk]``)."""
    connection = stackwire.connection()
    yield connection
    connection.close()


@pytest.fixture
def trace(stackwire: "Cloud") -> "Trace":
    """Assertions on the messages of this test, and on the lineage of properties."""
    return stackwire.trace


@pytest.fixture
def bus(stackwire: "Cloud") -> "Bus":
    """Messages published, expected, and answered in place of a service."""
    stackwire.bus.begin()
    return stackwire.bus


@pytest.fixture
def faults(stackwire: "Cloud") -> "Faults":
    """Faults that are injected until the test ends."""
    return stackwire.faults


@pytest.fixture
def clock(stackwire: "Cloud") -> "Clock":
    """The time in the cloud."""
    return stackwire.clock


@pytest.fixture
def pace(stackwire: "Cloud") -> "Pace":
    """How fast the cloud's workers are."""
    return stackwire.pace


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report has the lines of the answers that it asserted, as lines."""
    report = yield
    if call.when == "call" and call.excinfo is not None:
        for answer in _asserted(str(call.excinfo.value)):
            report.sections.append((f"stackwire: {answer.why}", "\n".join(answer.details)))
    return report


def _asserted(text: str) -> "list[Answer]":
    import sys

    answers = sys.modules.get("stackwire.testing.answers")
    if answers is None:
        return []
    evaluated: list[Answer] = answers.evaluated()
    return [answer for answer in evaluated if answer.details and answer.why[:_COMPARED] in text]


def _worker(config: pytest.Config) -> str:
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return str(found.get("workerid", "master"))


def _server_options(config: pytest.Config) -> "ServerOptions | None":
    """None where one cloud has all it needs in its own process."""
    from stackwire.cloud.options import EMBEDDED, MEMORY
    from stackwire.testing.servers import ServerOptions

    given: dict[str, Any] = getattr(config, "workerinput", {})
    count = int(given.get("workercount", 1))
    database_url, amqp_url = config.getoption("--stackwire-database-url"), config.getoption("--stackwire-amqp-url")
    backend = _backend(config, database_url, amqp_url, count)
    if backend == "embedded" and not given:
        return None
    return ServerOptions(
        backend=backend,
        database_url=database_url or EMBEDDED,
        amqp_url=amqp_url or MEMORY,
        workers=tuple(f"gw{number}" for number in range(count)) if given else ("master",),
        name=f"stackwire_{str(given.get('testrunuid', ''))[:8] or _random_name()}",
    )


def _backend(config: pytest.Config, database_url: str | None, amqp_url: str | None, workers: int) -> "Backend":
    """Raises UsageError for URLs that it does not have, or lacks."""
    from stackwire.testing.servers import WORKER

    has_url = bool(database_url or amqp_url)
    backend: Backend = config.getoption("--stackwire-backend") or ("urls" if has_url else "embedded")
    if backend != "urls" and has_url:
        raise pytest.UsageError(f"--stackwire-backend {backend} has no URLs")
    if backend == "urls" and not has_url:
        raise pytest.UsageError("--stackwire-backend urls: --stackwire-database-url or --stackwire-amqp-url is missing")
    if workers > 1 and amqp_url and WORKER not in amqp_url:
        raise pytest.UsageError("--stackwire-amqp-url: each worker of pytest-xdist needs a vhost: put {worker} into it")
    return backend


def _random_name() -> str:
    from uuid import uuid4

    return uuid4().hex[:8]
