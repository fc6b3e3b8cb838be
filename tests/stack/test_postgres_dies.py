"""The PostgreSQL of a running cloud dies as by kill -9: the cloud starts it again, and goes on where it was."""

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from flows.test_cloud_command import create_image, folder, ports, request, show_image, stackwire, token_of
from stackwire.cloud.postgres import EmbeddedPostgres
from support import invariants
from support.polling import until

__all__ = ["folder", "ports"]  # fixtures
pytestmark = pytest.mark.timeout(120)


def is_well(data_dir: Path) -> bool:
    return stackwire("status", "--data-dir", str(data_dir)).returncode == 0


def running(data_dir: Path, ports: list[str]) -> Any:
    """A detached cloud's services, by name."""
    started = stackwire("up", "--detach", "--data-dir", str(data_dir), *ports)
    assert started.returncode == 0, started.stderr
    state = json.loads((data_dir / "cloud.json").read_text())
    return {name: {"url": url} for name, url in state["services"].items()}


async def test_a_postgresql_that_is_killed_is_started_again_each_time(folder: Path, ports: list[str]) -> None:
    services = running(folder, ports)
    server = EmbeddedPostgres(folder)
    images = [create_image(services)]
    for _ in range(2):
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda killed=killed: server.pid not in (None, killed), 30)
        await until(lambda: is_well(folder), 30)
        assert [show_image(services, image)["id"] for image in images] == images
        images.append(create_image(services))
    await invariants.hold_in(server.dsn(), 30)
    log = (folder / "up.log").read_text()
    assert (log.count("PostgreSQL died"), log.count("PostgreSQL runs again")) == (2, 2)

    assert stackwire("down", "--data-dir", str(folder)).returncode == 0
    assert server.pid is None
    assert "PostgreSQL died" not in (folder / "up.log").read_text().rpartition("PostgreSQL runs again")[2]


async def test_a_cloud_that_waits_for_its_postgresql_can_be_stopped(folder: Path, ports: list[str]) -> None:
    """What PostgreSQL needs to start is away for a while: that is said and tried again; meanwhile it can be stopped."""
    services = running(folder, ports)
    image, token = create_image(services), token_of(services)
    server = EmbeddedPostgres(folder)
    control = server.data / "global" / "pg_control"
    hidden = control.with_suffix(".away")
    assert server.pid is not None
    control.rename(hidden)
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: "cannot be started again" in (folder / "up.log").read_text(), 60)
    assert status_of(services, image, token) == 503
    hidden.rename(control)
    await until(lambda: is_well(folder), 60)
    assert show_image(services, image)["id"] == image
    await invariants.hold_in(server.dsn(), 30)

    control.rename(hidden)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: server.pid is None, 10)
    assert stackwire("down", "--data-dir", str(folder)).returncode == 0
    hidden.rename(control)


async def test_a_deleted_image_is_taken_back_in_a_running_cloud(
    folder: Path, ports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWIRE_IMAGE_DELAYED_DELETE", "true")
    monkeypatch.setenv("STACKWIRE_IMAGE_SCRUB_TIME", "3600")
    services = running(folder, ports)
    token, url = token_of(services), f"{services['image']['url']}/v2/images"
    wish = {"name": "kept", "disk_format": "raw", "container_format": "bare", "team": "red"}
    image = request("POST", url, wish, token)[0]["id"]
    put(f"{url}/{image}/file", b"data", token)
    request("DELETE", f"{url}/{image}", token=token)
    assert status_of(services, image, token) == 404
    restored = stackwire("image", "restore", image, "--data-dir", str(folder))
    assert (restored.returncode, restored.stdout) == (0, f"the image {image} is active again\n")
    assert (show_image(services, image)["status"], show_image(services, image)["team"]) == ("active", "red")
    await invariants.hold_in(EmbeddedPostgres(folder).dsn(), 30)


def status_of(services: Any, image: str, token: str) -> int:
    try:
        request("GET", f"{services['image']['url']}/v2/images/{image}", token=token)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def put(url: str, data: bytes, token: str) -> None:
    headers = {"Content-Type": "application/octet-stream", "X-Auth-Token": token}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method="PUT"), timeout=10) as answer:
        assert answer.status == 204
