"""The pytest plugin: costs nothing until a test asks for a cloud, and then gives a whole one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("aiohttp", "asyncpg", "pydantic", "aio_pika", "openstack", "typer", "rich", "oslo_policy")


def test_loading_it_imports_nothing_heavy() -> None:
    code = f"import sys, stackwire.cloud.pytest_plugin; print([m for m in {HEAVY!r} if m in sys.modules])"
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

    known = any(entry.value == "stackwire.cloud.pytest_plugin" for entry in entry_points(group="pytest11"))
    return [] if known else ["-p", "stackwire.cloud.pytest_plugin"]
