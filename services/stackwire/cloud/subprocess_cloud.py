"""A cloud as a process of its own, for tests and scripts that use its APIs."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import ORDER, REGISTRY, free_ports
from stackwire.cloud.trace_assertions import Trace


class SubprocessCloud:
    """``start`` waits until it is ready; ``connection`` is for openstacksdk, ``urls`` for other clients."""

    def __init__(
        self, data_dir: Path, *, release: str = "current", with_bugs: Sequence[str] = (), options: Sequence[str] = ()
    ) -> None:
        self.data_dir = data_dir
        self.ports: dict[str, int] = {}
        self._options = ["--release", release, *options]
        for bug in with_bugs:
            self._options += ["--with-bug", bug]

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service, the tracer's included."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name != REGISTRY}

    @property
    def clouds_yaml(self) -> Path:
        """The clouds.yaml of this cloud."""
        return DataDir(self.data_dir).clouds_yaml

    @property
    def auth_url(self) -> str:
        """Keystone's /v3 URL."""
        return f"{self.urls['identity']}/v3"

    @property
    def trace(self) -> Trace:
        """Assertions on messages and on the lineage of properties."""
        return Trace(self.urls["trace"])

    def start(self) -> None:
        """Starts it, with the same ports as before.

        Raises RuntimeError with the cloud's error text when it cannot start.
        """
        self.ports = self.ports or free_ports((*ORDER, "trace", REGISTRY))
        ports = [part for name, port in self.ports.items() for part in (f"--{name}-port", str(port))]
        self._run("up", "--detach", *ports, *self._options)

    def stop(self) -> None:
        """Stops it; its data stays for the next ``start``."""
        self._run("down")

    def connection(self, cloud: str = "stackwire") -> Any:
        """An ``openstack.connection.Connection`` for a cloud of clouds.yaml."""
        import openstack.config
        import openstack.connection

        loader = openstack.config.OpenStackConfig(
            config_files=[str(self.clouds_yaml)], secure_files=[], vendor_files=[], load_envvars=False
        )
        return openstack.connection.Connection(config=loader.get_one(cloud))

    def _run(self, command: str, *arguments: str) -> None:
        words = [sys.executable, "-m", "stackwire.cloud", command, "--data-dir", str(self.data_dir), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or done.stdout.strip())
