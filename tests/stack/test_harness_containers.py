"""The test harness on containers, for real: the project's image as a class of testcontainers, and servers in containers
for clouds that run here. `make test-compose` runs it.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from stackwire.testing import StackwireContainer
from support.compose import ROOT, base_images, quiet
from support.postgres import skip_or_fail

pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(900)]

SUITE = """
def test_a_volume_and_its_messages(os_conn, bus, trace):
    volume = os_conn.block_storage.create_volume(size=1, name="vol")
    bus.expect("volume.create.end", resource=volume.id)
    assert trace.story(volume.id).has("create_volume")


def test_a_lost_message(os_conn, faults, stackwire):
    fault = faults.add("bus.drop", match={"message": "cast", "method": "create_volume"}, count=1)
    volume = os_conn.block_storage.create_volume(size=1, name="vol")
    stackwire.settle()
    assert fault.hits == 1
    assert os_conn.block_storage.get_volume(volume).status == "creating"


def test_the_cloud_is_empty_again(os_conn, clock):
    assert list(os_conn.block_storage.volumes()) == []
"""


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """The environment that names images which can be had here; ``STACKWIRE_IMAGE`` is the project's own."""
    if not quiet("docker", "info"):
        skip_or_fail("no docker daemon answers")
    given = {**os.environ, **base_images(), "TESTCONTAINERS_RYUK_DISABLED": "true"}
    given["STACKWIRE_IMAGE"] = f"stackwire:test-{uuid.uuid4().hex[:8]}"
    base = ["--build-arg", f"BASE_IMAGE={given['BASE_IMAGE']}"] if "BASE_IMAGE" in given else []
    network = ["--network", given.get("BUILD_NETWORK", "default")]
    build = ["docker", "build", "-q", *network, *base, "-f", "deploy/Dockerfile", "-t", given["STACKWIRE_IMAGE"], "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    yield given
    quiet("docker", "rmi", given["STACKWIRE_IMAGE"])


@pytest.fixture(scope="module")
def container(images: dict[str, str]) -> Iterator[StackwireContainer]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TESTCONTAINERS_RYUK_DISABLED", "DOCKER_HOST"):
            if name in images:
                patch.setenv(name, images[name])
        with StackwireContainer(images["STACKWIRE_IMAGE"], options=["--id-seed", "7"]) as found:
            yield found


@pytest.fixture
def cloud(container: StackwireContainer) -> StackwireContainer:
    container.reset()
    return container


def test_the_container_is_a_cloud_that_can_be_reset(cloud: StackwireContainer) -> None:
    connection = cloud.connection()
    image = connection.image.create_image(
        "i", data=b"x", disk_format="raw", container_format="bare", hw_disk_bus="scsi"
    )
    volume = connection.create_volume(size=1, image=image.id, name="v", wait=True)
    assert cloud.trace.lineage(volume.id).kept("hw_disk_bus")
    cloud.reset()
    assert (list(connection.image.images()), list(connection.block_storage.volumes())) == ([], [])


def test_its_faults_and_its_clock_are_reached_from_outside(cloud: StackwireContainer) -> None:
    connection = cloud.connection()
    with cloud.faults.set("http.status", match={"service": "image"}, status=503):
        url, token = f"{cloud.urls['image']}/v2/images", {"X-Auth-Token": connection.auth_token}
        assert requests.get(url, headers=token, timeout=60).status_code == 503
    assert requests.get(url, headers=token, timeout=60).status_code == 200
    cloud.clock.advance(hours=25)
    assert requests.get(url, headers=token, timeout=60).status_code == 401


def test_a_suite_runs_on_servers_in_containers(images: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    environment = {name: value for name, value in images.items() if not name.startswith(("OS_", "STACKWIRE_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--stackwire-backend", "containers", "test_suite.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    assert "3 passed" in done.stdout
