"""Where the tests get RabbitMQ: TEST_AMQP_URL, one on localhost, a local rabbitmq-server, testcontainers.

Each run has a vhost of its own where the broker can be administered; elsewhere the unique names of the tests must do.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from support.postgres import skip_or_fail

LOCAL = "amqp://guest:guest@127.0.0.1:5672/"
Control = Callable[..., str]
TO_DISK = "[dets:sync(T) || T <- dets:all()]."


class NoRabbit(Exception):
    pass


@dataclass(frozen=True)
class TestRabbit:
    """``url`` leads to this run's vhost; ``control`` runs rabbitmqctl commands, where that is possible."""

    __test__ = False

    url: str
    vhost: str
    control: Control | None = None
    crash: Callable[[], None] | None = None
    """Of a broker of one's own: kills it, and starts it again on what it has on its disk."""

    @property
    def oslo_url(self) -> str:
        """The same in oslo.messaging's spelling."""
        parts = urlsplit(self.url)
        return f"rabbit://{parts.netloc}/{self.vhost if self.vhost != '/' else '/'}"

    def tracing(self) -> None:
        """Turns the firehose on, or skips."""
        if self.control is None:
            skip_or_fail("the firehose needs rabbitmqctl")
        else:
            self.control("trace_on", "-p", self.vhost)


def answers(host: str, port: int, seconds: float = 1.0) -> bool:
    """True when an AMQP 0-9-1 broker greets there."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def rabbit_control(program: str, environment: dict[str, str] | None = None) -> Control:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, "-q", *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
        )
        if done.returncode:
            raise NoRabbit(f"{arguments[0]}: {done.stderr.strip()[-200:]}")
        return done.stdout

    return run


def keep_queues(control: Control) -> None:
    """Has a broker write to its disk which quorum queues it has.

    RabbitMQ 3.10 does so by itself 3 s later, whatever it has confirmed by then. Killed earlier it starts such a queue
    anew when it comes back: empty, and without a leader for ever, so that nothing is confirmed any more.
    """
    control("eval", TO_DISK)


def _with_vhost(url: str, control: Control | None) -> TestRabbit:
    """A new vhost, deleted at the end; the URL's own when nobody here may make one."""
    if control is not None:
        vhost = f"stackwire-{uuid.uuid4().hex[:8]}"
        user = urlsplit(url).username or "guest"
        try:
            control("add_vhost", vhost)
            control("set_permissions", "-p", vhost, user, ".*", ".*", ".*")
        except (NoRabbit, OSError, subprocess.TimeoutExpired):
            control = None
        else:
            atexit.register(_quietly, control, "delete_vhost", vhost)
            parts = urlsplit(url)
            return TestRabbit(urlunsplit(parts._replace(path=f"/{vhost}")), vhost, control)
    return TestRabbit(url, urlsplit(url).path.removeprefix("/") or "/", None)


def _quietly(control: Control, *arguments: str) -> None:
    with contextlib.suppress(NoRabbit, OSError, subprocess.TimeoutExpired):
        control(*arguments)


def _given() -> TestRabbit:
    url = os.environ.get("TEST_AMQP_URL")
    if not url:
        raise NoRabbit("TEST_AMQP_URL is not set")
    parts = urlsplit(url)
    if not answers(parts.hostname or "localhost", parts.port or 5672, 5.0):
        raise NoRabbit("TEST_AMQP_URL does not answer")
    return TestRabbit(url, parts.path.removeprefix("/") or "/", None)


def on_localhost() -> TestRabbit:
    """A vhost on this machine's broker. NoRabbit also where it lets nobody here make one."""
    program = shutil.which("rabbitmqctl")
    if program is None:
        raise NoRabbit("no rabbitmqctl here")
    _borrowed()
    found = _with_vhost(LOCAL, rabbit_control(program))
    if found.control is None:
        raise NoRabbit("this machine's broker cannot be administered")
    return found


def _borrowed() -> TestRabbit:
    """This machine's broker as it is."""
    if not answers("127.0.0.1", 5672):
        raise NoRabbit("nothing answers on localhost:5672")
    return TestRabbit(LOCAL, "/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rabbit_program(name: str, places: Sequence[str] = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin")) -> str:
    """The real script: the one on Debian's PATH changes the user and drops the environment."""
    found = next((path for place in places if (path := Path(place, name)).exists()), None) or shutil.which(name)
    if found is None:
        raise NoRabbit(f"no {name} here")
    return str(found)


def start_broker() -> tuple[TestRabbit, Callable[[], None]]:
    """A broker of one's own on private ports, and what stops it."""
    server, ctl = rabbit_program("rabbitmq-server"), rabbit_program("rabbitmqctl")
    folder = Path(tempfile.mkdtemp(prefix="stackwire-rabbit-"))
    port, distribution = _free_port(), _free_port()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"stackwire{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    (folder / "plugins").write_text("[].\n")
    control = rabbit_control(ctl, environment)
    running: list[subprocess.Popen[bytes]] = []

    def stop() -> None:
        _quietly(control, "stop")
        running[-1].terminate()
        running[-1].wait(30)
        shutil.rmtree(folder, ignore_errors=True)

    def start() -> None:
        nowhere = subprocess.DEVNULL
        running.append(
            subprocess.Popen([server], env=environment, stdout=nowhere, stderr=nowhere, start_new_session=True)
        )
        until = time.monotonic() + 60
        while not answers("127.0.0.1", port):
            if running[-1].poll() is not None or time.monotonic() > until:
                stop()
                raise NoRabbit("rabbitmq-server does not come up")
            time.sleep(0.1)

    def crash() -> None:
        os.killpg(running[-1].pid, signal.SIGKILL)
        running[-1].wait(30)
        start()

    start()
    return TestRabbit(f"amqp://guest:guest@127.0.0.1:{port}/", "/", control, crash), stop


def _own() -> TestRabbit:
    broker, stop = start_broker()
    atexit.register(stop)
    return broker


def _container() -> TestRabbit:
    # Not testcontainers' own RabbitMQ class: it would want another AMQP library to see the broker answer.
    from testcontainers.core.container import DockerContainer

    container = DockerContainer("rabbitmq:4-management").with_exposed_ports(5672)
    container.start()
    atexit.register(container.stop)
    host, port = container.get_container_host_ip(), int(container.get_exposed_port(5672))
    until = time.monotonic() + 60
    while not answers(host, port):
        if time.monotonic() > until:
            raise NoRabbit("the container's broker does not come up")
        time.sleep(0.2)

    def control(*arguments: str) -> str:
        code, output = container.exec(["rabbitmqctl", "-q", *arguments])
        if code:
            raise NoRabbit(arguments[0])
        return bytes(output).decode()

    return _with_vhost(f"amqp://guest:guest@{host}:{port}/", control)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[TestRabbit]:
    """The first source that works; TEST_AMQP_URL is the only one tried when it is set."""
    sources = (_given,) if os.environ.get("TEST_AMQP_URL") else (on_localhost, _own, _borrowed, _container)
    reasons = []
    for source in sources:
        try:
            server = source()
        except (NoRabbit, ImportError) as error:
            reasons.append(str(error))
        except Exception as error:  # docker's client raises whatever it likes
            reasons.append(f"{source.__name__}: {type(error).__name__}")
        else:
            yield server
            return
    skip_or_fail(f"no RabbitMQ for the tests: {'; '.join(reasons)}")
