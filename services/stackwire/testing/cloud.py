"""A cloud for tests and scripts, as a process of its own that ends with them.

with Cloud() as cloud:
    conn = cloud.connection()  # openstacksdk
    ...
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import EMBEDDED, MEMORY, ORDER, REGISTRY, free_ports
from stackwire.testing.directed import DirectedCloud

CLOUD_EXIT_TIMEOUT_SECONDS = 30.0
LOG_LINES = 20


class Cloud(DirectedCloud):
    """``start`` waits until it is ready; ``connection`` is for openstacksdk, ``urls`` for other clients.

    ``data_dir``: the folder of its data, which stays; without one it has a folder for its life. ``database_url``:
    ``embedded`` or a PostgreSQL URL; ``amqp_url``: ``memory`` or a RabbitMQ URL. ``id_seed``: decides ids of resources.
    ``environment``: STACKWIRE_ variables for its process. ``template``: a database of that server of which it gets a
    copy, called ``database``.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        release: str = "current",
        with_bugs: Sequence[str] = (),
        database_url: str = EMBEDDED,
        amqp_url: str = MEMORY,
        id_seed: str | None = None,
        environment: Mapping[str, str] | None = None,
        template: str | None = None,
        database: str | None = None,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = Path(tempfile.mkdtemp(prefix="stackwire-")) if data_dir is None else data_dir
        self.ports: dict[str, int] = {}
        self._options: dict[str, Any] = {
            "data_dir": str(self.data_dir),
            "release": release,
            "with_bugs": list(with_bugs),
            "database_url": database_url,
            "amqp_url": amqp_url,
            "id_seed": id_seed,
            "template": template,
            "database": database,
        }
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service, the tracer's included."""
        return {name: _url(port) for name, port in self.ports.items() if name not in (REGISTRY, "admin")}

    @property
    def admin_url(self) -> str:
        """The base URL of the admin port; its token is in the data directory."""
        return _url(self.ports["admin"])

    @property
    def clouds_yaml(self) -> Path:
        """The clouds.yaml of this cloud."""
        return DataDir(self.data_dir).clouds_yaml

    @property
    def auth_url(self) -> str:
        """Keystone's /v3 URL."""
        return f"{self.urls['identity']}/v3"

    @property
    def log(self) -> str:
        """What its process has logged."""
        path = DataDir(self.data_dir).log
        return path.read_text(errors="replace") if path.exists() else ""

    def environment(self, cloud: str = "stackwire") -> dict[str, str]:
        """This process's environment, in which OpenStack's commands use a cloud of clouds.yaml."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return {**kept, "OS_CLIENT_CONFIG_FILE": str(self.clouds_yaml), "OS_CLOUD": cloud}

    def start(self) -> None:
        """Starts it, with the same ports as before.

        Raises RuntimeError with the cloud's error text when it cannot start.
        """
        self.ports = self.ports or free_ports((*ORDER, "trace", REGISTRY, "admin"))
        ports = {f"{name}_port": port for name, port in self.ports.items() if name not in ORDER}
        wanted = {**self._options, **ports, "ports": {name: self.ports[name] for name in ORDER}}
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with DataDir(self.data_dir).log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stackwire.testing.process", json.dumps(wanted)],
                env={**self._forgetful(), **os.environ, **self._environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the tests: they stop it
            )
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if answer != "ready":
            self.stop()
            last = "".join(deque(self.log.splitlines(keepends=True), LOG_LINES))
            raise RuntimeError(answer or f"the cloud died while it started:\n{last}")

    def _forgetful(self) -> dict[str, str]:
        """Stories need not outlive a folder that is removed."""
        return {"STACKWIRE_TRACE_SAVE_MESSAGES": "0"} if self._temporary else {}

    def stop(self) -> None:
        """Stops it; its data stays for the next ``start``, in a folder that was given."""
        process, self._process = self._process, None
        if process is None:
            return
        self.admin.close()
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(CLOUD_EXIT_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def close(self) -> None:
        """Stops it, and removes a folder that it made."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def connection(self, cloud: str = "stackwire") -> Any:
        """An ``openstack.connection.Connection`` for a cloud of clouds.yaml (``pip install stackwire[sdk]``)."""
        import openstack.config
        import openstack.connection

        loader = openstack.config.OpenStackConfig(
            config_files=[str(self.clouds_yaml)], secure_files=[], vendor_files=[], load_envvars=False
        )
        return openstack.connection.Connection(config=loader.get_one(cloud))


SubprocessCloud = Cloud
"""As it was called before."""


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
