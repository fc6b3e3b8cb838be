"""The pytest plugin: costs nothing until a test asks for a cloud, and then gives a whole one."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HEAVY = ("aiohttp", "asyncpg", "pydantic", "aio_pika", "openstack", "typer", "rich", "oslo_policy")


def test_loading_it_imports_nothing_heavy() -> None:
    code = f"import sys, stackwire.testing.plugin; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": _path()}
    )
    assert done.stdout.strip() == "[]"


def test_a_test_elsewhere_gets_a_cloud(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "def test_an_image_is_created(stackwire_cloud):\n"
        "    connection = stackwire_cloud.connection()\n"
        "    image = connection.image.create_image('theirs', data=b'x' * 1024, disk_format='raw',\n"
        "                                          container_format='bare', hw_disk_bus='scsi')\n"
        "    found = connection.image.get_image(image.id)\n"
        "    assert (found.status, found.hw_disk_bus) == ('active', 'scsi')\n"
        "    assert stackwire_cloud.connection('stackwire-admin').identity.get_project(\n"
        "        connection.current_project_id).name == 'demo'\n"
        "\n"
        "def test_a_story_and_a_lineage_are_looked_at(stackwire_cloud):\n"
        "    connection = stackwire_cloud.connection()\n"
        "    image = connection.image.create_image('other', data=b'x' * 1024, disk_format='raw',\n"
        "                                          container_format='bare', hw_disk_bus='scsi', note='n' * 300,\n"
        "                                          img_signature_hash_method='SHA-256')\n"
        "    server = connection.compute.create_server(name='s', image_id=image.id, networks='none',\n"
        "                                              flavor_id=connection.compute.find_flavor('m1.tiny').id)\n"
        "    connection.compute.wait_for_server(server)\n"
        "    story = stackwire_cloud.trace.story(server.id)\n"
        "    assert story.has('build_and_run_instance', sender='nova-conductor')\n"
        "    assert story.in_order('POST /v2.1/servers', 'select_destinations', 'build_and_run_instance')\n"
        "    assert story.succeeded\n"
        "    assert not story.in_order('build_and_run_instance', 'select_destinations')\n"
        "    assert 'build_and_run_instance' in str(story.has('build_and_run'))\n"
        "    lineage = stackwire_cloud.trace.lineage(server.id)\n"
        "    assert lineage.kept('hw_disk_bus')\n"
        "    assert lineage.value('hw_disk_bus') == 'scsi'\n"
        "    cut = lineage.kept('note')\n"
        "    assert not cut\n"
        "    assert 'truncated' in str(cut)\n"
        "    assert not lineage.lost('never')\n"
        "    snapshot = connection.compute.create_server_image(server, 'snap', wait=True)\n"
        "    lost = stackwire_cloud.trace.lineage(snapshot.id).lost('img_signature_hash_method')\n"
        "    assert lost\n"
        "    assert 'dropped by compute.snapshot_image' in repr(lost)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_plugin(), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": _path(), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout


def _path() -> str:
    return f"{ROOT / 'services'}:{ROOT / 'shared'}"


def _plugin() -> list[str]:
    """Named on the command line only where the package is not installed."""
    from importlib.metadata import entry_points

    known = any(entry.value == "stackwire.testing.plugin" for entry in entry_points(group="pytest11"))
    return [] if known else ["-p", "stackwire.testing.plugin"]
