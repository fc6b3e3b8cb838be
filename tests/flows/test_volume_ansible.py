"""An unmodified playbook of the Ansible collection openstack.cloud: a type with encryption, a volume, what comes of it.

``make test-ansible`` plays all of it (a minute: each task is a process of its own), ``make test`` what is tagged
``sample``. The collection is taken out of the package ``ansible``, which is too large to be in the lock file.
"""

import asyncio
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from support.cloud import ACloud
from support.postgres import skip_or_fail

PLAYBOOK = Path(__file__).parents[1] / "data" / "ansible" / "volumes.yaml"
BUNDLE = "ansible==12.3.0"
LIBRARIES = ("ansible-core==2.19.14", "openstacksdk==4.5.0")
"""The bundle's own, and the newest SDK that has what its modules look for (``openstack.version``)."""


def installed() -> Path:
    """A folder with Ansible and the collection, beside the packages of this environment; made on first use."""
    folder = Path(sys.prefix) / "share" / BUNDLE.replace("==", "-")
    if (folder / "ansible_collections").exists():
        return folder
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = folder / "wheels"
    try:
        subprocess.run([*pip, "install", "--target", str(folder), *LIBRARIES], check=True, timeout=240)
        subprocess.run([*pip, "download", "--no-deps", "--dest", str(wheels), BUNDLE], check=True, timeout=240)
    except (subprocess.SubprocessError, OSError) as error:
        skip_or_fail(f"Ansible cannot be installed: {error}")
    (wheel,) = wheels.glob("ansible-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("ansible_collections/openstack/cloud/")]
        archive.extractall(folder, names)
    wheel.unlink()
    return folder


def clouds(auth_url: str, folder: Path) -> Path:
    """A clouds.yaml as ``stackwire up`` writes it."""

    def cloud(user: str) -> dict[str, object]:
        names = {"user_domain_name": "Default", "project_domain_name": "Default"}
        auth = {"auth_url": auth_url, "username": user, "password": "secret", "project_name": user, **names}
        return {"auth": auth, "region_name": "RegionOne", "floating_ip_source": "None"}

    path = folder / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": {"stackwire": cloud("demo"), "stackwire-admin": cloud("admin")}}))
    return path


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_playbook_makes_and_removes_volumes_and_what_is_made_of_them(a_cloud: ACloud, tmp_path: Path) -> None:
    folder = await asyncio.to_thread(installed)
    cloud = await a_cloud()
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"boot sector".ljust(100_000, b"\0"))
    whole = os.environ.get("ANSIBLE_PLAYBOOK") == "all"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-e", f"disk={disk}"),
        *(() if whole else ("--tags", "sample")),
        str(PLAYBOOK),
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(folder),
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "OS_CLIENT_CONFIG_FILE": str(clouds(cloud.auth_url, tmp_path)),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-3000:]
    tasks = yaml.safe_load(PLAYBOOK.read_text())[0]["tasks"]
    expected = len(tasks) if whole else sum(task.get("tags") == "sample" for task in tasks)
    assert f"ok={expected} " in said.decode()
