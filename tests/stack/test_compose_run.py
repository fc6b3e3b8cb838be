"""The compose stack for real: built, started, used with stock clients, stopped. `make test-compose` runs it.

Where no image registry is reachable the base images are made by deploy/local-images (root and debootstrap).
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stackwire.contracts.volume import DeleteVolume
from stackwire.core.context import system_context
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcClient
from support.compose import COMPOSE, ROOT, Stack
from support.polling import until

PEER = ROOT / "tests/contract/oslo/peers/peer.py"
SERVERS = ("postgres", "rabbitmq", "gateway")
OURS = (
    *("identity", "image-api", "image-worker", "volume-api", "volume-worker", "volume-backup"),
    *("compute-api", "compute-worker", "trace"),
)

pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(900, func_only=True)]


class Ear:
    """An unmodified oslo.messaging listener on the published port, with a queue of its own (a pool): the default queue
    is shared by every listener of the broker, whatever its exchange."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, url: str, exchange: str) -> "Ear":
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PEER), url, exchange, "listen", "notifications", f"ear-{exchange}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        ear = cls(process)
        assert await ear._line() == {"ready": True}
        return ear

    async def hears(self, event_type: str) -> dict[str, Any]:
        """The next event of this type."""
        while True:
            said = await self._line()
            if said["event_type"] == event_type:
                return said

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 30)

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        said: dict[str, Any] = json.loads(line)
        return said


@pytest.fixture
async def ears(stack: Stack) -> AsyncIterator[dict[str, Ear]]:
    ears = {exchange: await Ear.of(stack.amqp, exchange) for exchange in ("glance", "cinder", "nova")}
    yield ears
    for ear in ears.values():
        await ear.close()


def test_every_container_is_healthy(stack: Stack) -> None:
    states = stack.inspect("{{.State.Health.Status}}")
    assert set(states) >= {*SERVERS, *OURS}  # more, where another file's tests started a profile
    assert set(states.values()) == {"healthy"}


def test_containers_can_write_only_where_their_data_are_and_have_limits(stack: Stack) -> None:
    form = (
        "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{gt .HostConfig.Memory 0}}"
    )
    assert set(stack.inspect(form).values()) == {"true [ALL] [no-new-privileges:true] true"}
    assert "root" not in set(stack.inspect("{{.Config.User}}").values())


def test_no_secret_stands_in_what_docker_shows(stack: Stack) -> None:
    """In variables and commands anybody at the daemon reads them."""
    shown = stack.run("docker", "inspect", *stack.containers())
    drawn = [file.name for file in stack.secrets.iterdir() if file.name.endswith(("_key", "password"))]
    for name in {*drawn} - {"user_password"}:  # which everybody knows
        assert stack.secret(name) not in shown


def test_the_services_come_to_database_and_bus_by_tls_alone(stack: Stack) -> None:
    base = [*stack.compose, "-f", str(COMPOSE), "exec", "-T"]
    sessions = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL"
    assert stack.run(*base, "postgres", "psql", "-h", "/tmp", "-U", "postgres", "-Atc", sessions).split() == ["t"]
    listed = stack.run(*base, "rabbitmq", "rabbitmqctl", "-q", "list_connections", "ssl", "--no-table-headers")
    assert set(listed.split()) == {"true"}


async def test_each_service_has_a_login_of_its_own_at_the_broker(stack: Stack) -> None:
    base = [*stack.compose, "-f", str(COMPOSE), "exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "--no-table-headers"]
    ours = {"identity", "image", "volume", "compute", "trace"}
    assert await until(lambda: set(stack.run(*base, "list_connections", "user").split()) == ours, 60, interval=1.0)


async def test_nobody_is_heard_who_does_not_sign(stack: Stack) -> None:
    """Though the login may publish everywhere: what it orders is refused, and counted as forged."""
    transport = await connect(stack.amqp.replace("rabbit://", "amqp://"), name="stranger")
    order = DeleteVolume(volume_id=new_id())
    await RpcClient(transport).send(system_context("nova").to_wire(), order.target, order.method, order.to_args())
    await transport.close()
    asked = "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    counted = r'stackwire_dead_letters_total\{[^}]*reason="forged"[^}]*\} [1-9]'
    receivers = stack.containers("volume-api", "volume-api-more", "volume-worker", "volume-worker-more")

    def is_counted() -> bool:
        return any(re.search(counted, stack.run("docker", "exec", each, "bash", "-c", asked)) for each in receivers)

    assert await until(is_counted, 60, interval=1.0)


async def test_the_stock_client_makes_an_image_a_volume_and_a_server_and_a_real_listener_hears_of_them(
    stack: Stack, ears: dict[str, Ear], tmp_path: Path
) -> None:
    file = tmp_path / "disk.raw"
    file.write_bytes(os.urandom(1 << 20))

    def use() -> dict[str, Any]:
        image = stack.openstack(
            "image", "create", "disk", "--file", str(file), "--disk-format", "raw", "--container-format", "bare",
            "--property", "hw_disk_bus=scsi", "--property", "team=storage",
        )  # fmt: skip
        stack.openstack("volume", "create", "vol", "--image", "disk", "--size", "1")
        server = stack.openstack(
            "server", "create", "srv", "--image", "disk", "--flavor", "m1.tiny", "--nic", "none", "--wait"
        )
        return {"image": image, "server": server}

    made = await asyncio.to_thread(use)
    assert made["server"]["status"] == "ACTIVE"
    assert (await ears["glance"].hears("image.create"))["payload"]["id"] == made["image"]["id"]
    assert (await ears["cinder"].hears("volume.create.end"))["payload"]["display_name"] == "vol"
    end = await ears["nova"].hears("compute.instance.create.end")
    assert end["payload"]["instance_id"] == made["server"]["id"]
    assert "auth_token" not in end["context"]

    volume = await asyncio.to_thread(stack.openstack, "volume", "show", "vol")
    assert volume["status"] == "available"
    assert volume["volume_image_metadata"]["hw_disk_bus"] == "scsi"
    saved = tmp_path / "saved.raw"
    await asyncio.to_thread(stack.openstack, "image", "save", "disk", "--file", str(saved), "--plain")
    assert saved.read_bytes() == file.read_bytes()


def test_a_role_sees_its_own_schema_only(stack: Stack) -> None:
    program, password = "psql -h 127.0.0.1 -U image -d stackwire -Atc", stack.secret("image_db_password")
    own = f"PGPASSWORD={password} {program} 'select count(*) > 0 from outbox'"
    other = f"PGPASSWORD={password} {program} 'select count(*) from identity.users'"
    base = [*stack.compose, "-f", str(COMPOSE), "exec", "-T", "postgres", "sh", "-c"]
    assert stack.run(*base, own).strip() == "t"
    refused = subprocess.run(
        [*base, other], cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


def test_what_was_made_survives_down_and_up(stack: Stack) -> None:
    before = stack.openstack("image", "list")
    assert before, "the earlier test made an image"
    stack.make("down")
    stack.make("up")
    assert stack.openstack("image", "list") == before


def test_services_stop_gracefully_when_asked(stack: Stack) -> None:
    stack.run(*stack.compose, "-f", str(COMPOSE), "stop", *OURS, COMPOSE_PROFILES="trace")
    codes = stack.inspect("{{.State.ExitCode}}")
    assert {name: codes[name] for name in OURS} == dict.fromkeys(OURS, "0")
    stack.make("up")
