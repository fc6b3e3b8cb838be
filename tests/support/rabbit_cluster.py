"""Three RabbitMQ nodes on this machine, a cluster of their own, which are killed, frozen and parted from one another.

Nothing of it is another broker's: the name server of Erlang (epmd), the cookie, the ports and the folders are its own.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stackwire.cloud.options import free_ports
from support.rabbitmq import Control, NoRabbit, answers, rabbit_control, rabbit_program

NODES = ("one", "two", "three")
COOKIE = "stackwiretests"
START_SECONDS = 180.0
TICK_SECONDS = 4
"""After about so long a node that is silent is taken for away; RabbitMQ's own is 60 s."""


@dataclass
class Node:
    """``log``: what it and Erlang print."""

    name: str
    port: int
    environment: dict[str, str]
    control: Control
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def answers(self) -> bool:
        return answers("127.0.0.1", self.port, 0.5)

    def signal(self, number: int) -> None:
        """To its whole process group."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Cluster:
    """``nodes`` know one another by their names at ``localhost``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = free_ports([f"{kind}-{node}" for node in NODES for kind in ("amqp", "dist")] + ["epmd"])
        self._epmd_port = ports["epmd"]
        names = [f"{node}{ports[f'amqp-{node}']}@localhost" for node in NODES]
        (folder / "plugins").write_text("[].\n")
        (folder / ".erlang.cookie").write_text(COOKIE)
        (folder / ".erlang.cookie").chmod(0o400)
        (folder / "cluster.conf").write_text(_configuration(names))
        self.nodes = [
            self._node(name, ports[f"amqp-{node}"], ports[f"dist-{node}"])
            for node, name in zip(NODES, names, strict=True)
        ]
        self._server = rabbit_program("rabbitmq-server")
        self._epmd: subprocess.Popen[bytes] | None = None

    def _node(self, name: str, port: int, distribution: int) -> Node:
        short = name.partition("@")[0]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self._folder / f"{short}-data"),
            "RABBITMQ_LOG_BASE": str(self._folder / f"{short}-log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "cluster.conf"),
            "RABBITMQ_PID_FILE": str(self._folder / f"{short}-pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 1:1 +sbwt none -kernel net_ticktime {TICK_SECONDS}",
        }
        control = rabbit_control(rabbit_program("rabbitmqctl"), environment)
        return Node(name, port, environment, control, self._folder / f"{short}.out")

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    def node_at(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    # -- what goes wrong with it

    def kill(self, node: Node) -> None:
        """SIGKILL."""
        assert node.process is not None
        node.signal(signal.SIGKILL)
        node.process.wait(30)

    def freeze(self, node: Node) -> None:
        """It says nothing more, and does not know."""
        node.signal(signal.SIGSTOP)

    def thaw(self, node: Node) -> None:
        """It goes on where it was."""
        node.signal(signal.SIGCONT)

    def part(self, node: Node) -> None:
        """It and the others do not take each other's connections any more; those that there are are closed."""
        self._believe(node, "anothers")

    def join(self, node: Node) -> None:
        """Undoes ``part``."""
        self._believe(node, COOKIE)

    def _believe(self, node: Node, cookie: str) -> None:
        """The cookie that the others must have, for it to talk with them."""
        others = ", ".join(f"'{other.name}'" for other in self.nodes if other is not node)
        said = f"[begin erlang:set_cookie(N, {cookie}), erlang:disconnect_node(N) end || N <- [{others}]]."
        node.control("eval", said)

    def leader(self, queue: str, vhost: str = "/") -> Node:
        """Of a quorum queue."""
        for node in self.nodes:
            if node.answers:
                for line in node.control(
                    "list_queues", "-p", vhost, "--no-table-headers", "name", "leader"
                ).splitlines():
                    name, _, leader = line.partition("\t")
                    if name == queue and leader:
                        return self.node_at(leader.strip())
        raise AssertionError(f"{queue} has no leader")

    # -- its life

    def start(self, node: Node) -> None:
        """Returns when it serves."""
        with node.log.open("ab") as out:
            node.process = subprocess.Popen(
                [self._server], env=node.environment, stdout=out, stderr=out, start_new_session=True
            )
        _wait(lambda: node.answers, lambda: node.process is not None and node.process.poll() is not None, node)

    def start_all(self) -> None:
        """All at once, as a cluster forms; returns when each knows every other."""
        epmd = _epmd_program()
        self._epmd = subprocess.Popen([epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"])
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(self.start, self.nodes))
        _wait(self.is_whole, lambda: False, self.nodes[0])

    def running(self, node: Node) -> int:
        """How many nodes of the cluster it sees, itself among them."""
        try:
            return int(node.control("eval", "length([N || N <- [node() | nodes()], rabbit:is_running(N)]).").strip())
        except (NoRabbit, ValueError, subprocess.TimeoutExpired):
            return 0

    def is_whole(self) -> bool:
        """Whether each node sees all of them."""
        return all(self.running(node) == len(self.nodes) for node in self.nodes)

    def stop(self) -> None:
        """At once."""
        for node in self.nodes:
            if node.process is not None:
                node.signal(signal.SIGKILL)
                node.process.wait(30)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(10)


def _configuration(names: Sequence[str]) -> str:
    """A side that has no majority pauses: its clients go to the others. The next leader is whoever has fewest."""
    lines = [
        "cluster_partition_handling = pause_minority",
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{number} = {name}" for number, name in enumerate(names, 1)),
        "queue_leader_locator = balanced",
        "log.file.level = info",
        "loopback_users.guest = true",
    ]
    return "\n".join(lines) + "\n"


def _epmd_program() -> str:
    """It is not on the path everywhere, but with Erlang's runtime."""
    found = shutil.which("epmd") or next(
        (str(path) for path in sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))), None
    )
    if found is None:
        raise NoRabbit("no epmd here")
    return found


def _wait(is_so: Callable[[], bool], is_over: Callable[[], bool], node: Node) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_so():
        if is_over() or time.monotonic() > until:
            raise NoRabbit(f"{node.name} does not come up: {node.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)


@contextmanager
def a_cluster() -> Iterator[Cluster]:
    """Three nodes that know one another, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="stackwire-cluster-"))
    cluster = Cluster(folder)
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
