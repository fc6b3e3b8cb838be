"""openstacksdk's cloud layer, as scripts and Ansible use it: it waits, polls and tidies up by itself."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.cloud import ASharedCloud, TestCloud
from support.polling import shortened_sleep

# The cloud layer leaves the file it uploads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*disk.raw:ResourceWarning")
DISK = b"boot sector".ljust(512, b"\0") + bytes(range(256)) * 200


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library looks every two to five seconds whether it is done; here it looks more often."""
    monkeypatch.setattr(
        "openstack.utils.time", SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=shortened_sleep)
    )


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(DISK)
    return path


def an_image(connection: Any, disk: Path, name: str, **properties: str) -> Any:
    return connection.create_image(
        name, filename=str(disk), disk_format="raw", container_format="bare", wait=True, **properties
    )


async def test_an_image_is_created_found_changed_downloaded_and_deleted(
    cloud: TestCloud, disk: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.raw"

    def work(connection: Any) -> None:
        image = an_image(connection, disk, "sdk-image", os_distro="debian", team="storage")
        assert (image.status, image.size) == ("active", len(DISK))
        connection.update_image_properties(image=image, team="other")
        found = connection.get_image("sdk-image")
        assert (found.properties["team"], found.os_distro) == ("other", "debian")
        assert [one.name for one in connection.search_images("sdk-image")] == ["sdk-image"]
        connection.download_image("sdk-image", output_path=str(copy))
        assert connection.delete_image("sdk-image", wait=True)
        assert connection.get_image("sdk-image") is None

    await cloud.sdk(work)
    assert copy.read_bytes() == DISK


async def test_a_volume_is_created_from_an_image_kept_copied_and_deleted(cloud: TestCloud, disk: Path) -> None:
    def work(connection: Any) -> None:
        image = an_image(connection, disk, "sdk-for-volume", team="storage")
        volume = connection.create_volume(size=1, image=image.id, name="sdk-volume", wait=True, timeout=60)
        assert (volume.status, volume.is_bootable) == ("available", True)
        assert volume.volume_image_metadata["team"] == "storage"
        snapshot = connection.create_volume_snapshot(volume.id, name="sdk-kept", wait=True, timeout=60)
        copy = connection.create_volume(size=1, snapshot_id=snapshot.id, name="sdk-copy", wait=True, timeout=60)
        assert connection.get_volume("sdk-copy").volume_image_metadata["team"] == "storage"
        assert connection.delete_volume(copy.id, wait=True, timeout=60)
        assert connection.delete_volume_snapshot(snapshot.id, wait=True, timeout=60)
        assert connection.delete_volume(volume.id, wait=True, timeout=60)
        assert connection.delete_image(image.id)

    await cloud.sdk(work)


async def test_a_server_is_waited_for_photographed_given_a_volume_and_deleted(cloud: TestCloud, disk: Path) -> None:
    def work(connection: Any) -> None:
        image = an_image(connection, disk, "sdk-for-server", team="storage")
        server = connection.create_server("sdk-server", image=image.id, flavor="m1.tiny", wait=True, timeout=60)
        assert server.status == "ACTIVE"
        assert server.addresses, "the cloud layer deletes a server that has no address"
        assert connection.get_server("sdk-server").id == server.id
        snapshot = connection.create_image_snapshot("sdk-snapshot", server.id, wait=True, timeout=60)
        assert (snapshot.status, snapshot.properties["team"]) == ("active", "storage")
        volume = connection.create_volume(size=1, name="sdk-data", wait=True, timeout=60)
        connection.attach_volume(server, volume, wait=True, timeout=60)
        assert connection.get_volume(volume.id).status == "in-use"
        connection.detach_volume(connection.get_server(server.id), connection.get_volume(volume.id), wait=True)
        assert connection.get_volume(volume.id).status == "available"
        rebuilt = connection.rebuild_server(server.id, snapshot.id, wait=True, timeout=60)
        assert rebuilt.status == "ACTIVE"
        assert connection.delete_server("sdk-server", wait=True, timeout=60)
        assert connection.get_server("sdk-server") is None
        assert connection.delete_volume(volume.id, wait=True)
        for name in ("sdk-snapshot", "sdk-for-server"):
            assert connection.delete_image(name)

    await cloud.sdk(work)


async def test_a_server_boots_from_a_volume_made_for_it_and_takes_it_along(cloud: TestCloud, disk: Path) -> None:
    def work(connection: Any) -> None:
        image = an_image(connection, disk, "sdk-for-root", team="storage")
        server = connection.create_server(
            "sdk-on-volume", image=image.id, flavor="m1.tiny", boot_from_volume=True, volume_size=1,
            terminate_volume=True, wait=True, timeout=60,
        )  # fmt: skip
        (attached,) = connection.get_server(server.id).attached_volumes
        assert connection.get_volume(attached.id).volume_image_metadata["team"] == "storage"
        assert connection.delete_server(server.id, wait=True, timeout=60)
        assert connection.get_volume(attached.id) is None
        assert connection.delete_image(image.id)

    await cloud.sdk(work)
