"""The page of the test harness as somebody else's suite: in a folder elsewhere, with the package from its wheel in an
environment of its own, and nothing of this repository on the path."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from stackwire.cloud.datadir import DataDir
from support.polling import wait_for_exit
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "services/stackwire/testing/README.md").read_text()
BLOCK = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES: dict[str, str] = dict(BLOCK.findall(PAGE))
SUITE = tuple(name for name in FILES if name.startswith("test_"))
COUNT = sum(code.count("\ndef test_") for code in FILES.values())
OUR_OWN = ("anyio", "asyncio", "hypothesispytest", "platformdirs", "schemathesis", "timeout")
"""Plugins that the tests here need, and who installs ``stackwire[pytest]`` has not."""
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *(part for name in OUR_OWN for part in ("-p", f"no:{name}")))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which the wheel is installed, on top of what the lock file has."""
    folder = tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run([*pip, *built], check=True, capture_output=True)
    (wheel,) = folder.glob("stackwire-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    # Its own .pth files, which would bring this repository, are not read there.
    (packages / "lock_file.pth").write_text(sysconfig.get_path("purelib"))
    found = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", found, "install", "--no-index", "--no-deps", wheel], check=True)
    return found


def suite(python: Path, folder: Path, *options: str) -> str:
    """The output of a run of the page's tests in a folder; the test fails with it when they do not pass."""
    for name in SUITE:
        (folder / name).write_text(FILES[name])
    return run(python, folder, *PYTEST, *options)


def run(python: Path, folder: Path, *words: str) -> str:
    environment = _environment(python)
    done = subprocess.run([python, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    return done.stdout


def _environment(python: Path) -> dict[str, str]:
    """Of somebody who has the package and its commands, and has set nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "STACKWIRE_", "PYTHON"))}
    commands = f"{python.parent}:{Path(sys.executable).parent}"
    return {**kept, "PATH": f"{commands}:{kept['PATH']}", "PYTHONWARNINGS": "ignore"}


def test_the_package_is_the_installed_one(python: Path, tmp_path: Path) -> None:
    where = run(python, tmp_path, "-c", "import stackwire.core, stackwire.cloud as c; print(c.__file__)")
    assert Path(where).is_relative_to(python.parents[1])
    told = subprocess.run([python.parent / "stackwire", "--version"], capture_output=True, text=True, check=True)
    assert re.search(r"\d+\.\d+", told.stdout)


def test_the_page_passes_in_parallel_on_the_embedded_servers(python: Path, tmp_path: Path) -> None:
    assert f"{COUNT} passed" in suite(python, tmp_path, "-n", "2", "--stackwire-id-seed", "7")


@pytest.mark.rabbitmq
def test_the_page_passes_in_parallel_on_rabbitmq(python: Path, tmp_path: Path, rabbitmq: TestRabbit) -> None:
    if rabbitmq.control is None:
        assert f"{COUNT} passed" in suite(python, tmp_path, f"--stackwire-amqp-url={rabbitmq.url}")
        return
    vhosts = [f"{rabbitmq.vhost}-{worker}" for worker in ("gw0", "gw1")]
    for vhost in vhosts:
        rabbitmq.control("add_vhost", vhost)
        rabbitmq.control("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
    url = rabbitmq.url.removesuffix("/").removesuffix(rabbitmq.vhost).removesuffix("/")
    try:
        assert f"{COUNT} passed" in suite(
            python, tmp_path, "-n", "2", f"--stackwire-amqp-url={url}/{rabbitmq.vhost}-{{worker}}"
        )
    finally:
        for vhost in vhosts:
            rabbitmq.control("delete_vhost", vhost)


def test_the_script_of_the_page_needs_no_pytest(python: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FILES["script.py"])
    lines = run(python, tmp_path, "script.py").splitlines()
    assert (lines[0], lines[1].startswith("http://127.0.0.1:")) == ("creating", True)


def test_a_cloud_ends_with_the_tests_that_were_killed(python: Path, tmp_path: Path) -> None:
    program = "import time; from pathlib import Path; from stackwire.testing import Cloud\n"
    program += "cloud = Cloud(Path('cloud')); cloud.start(); print('ready', flush=True); time.sleep(600)"
    command = [python, "-c", program]
    with subprocess.Popen(command, cwd=tmp_path, env=_environment(python), stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        assert tests.stdout.readline() == "ready\n"
        state = DataDir(tmp_path / "cloud").state()
        tests.kill()
    assert state is not None
    wait_for_exit(state["pid"], 60.0)
    assert not DataDir(tmp_path / "cloud").is_taken()


def test_what_failed_is_told_in_lines(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    command = [python, *PYTEST, "test_failing.py"]
    done = subprocess.run(command, cwd=tmp_path, env=_environment(python), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for pattern in (
        r"assert image [0-9a-f-]{36} has no never, nor had any resource it was created from",
        r"-+ stackwire: image [0-9a-f-]{36} has no never, nor had any .* -+\n  its properties: .*hw_disk_bus",
        r"NotExpected: image.delete was not sent, resource [0-9a-f-]{36}; sent since .*:\n(E .*\n)*E +image.create",
    ):
        assert re.search(pattern, done.stdout), (pattern, done.stdout)


FAILING = """
import pytest

@pytest.fixture
def image(os_conn):
    return os_conn.image.create_image("disk", data=b"x", disk_format="raw", container_format="bare", hw_disk_bus="scsi")

def test_a_lineage(image, trace):
    assert trace.lineage(image.id).kept("never")

def test_a_message(bus, image):
    bus.expect("image.delete", resource=image.id)
"""
