"""The command: one clear line and exit code 2 for what cannot start; otherwise a cloud that starts, stays and stops."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.polling import until

from stackwire.cloud.options import ORDER, REGISTRY, free_ports

Done = subprocess.CompletedProcess[str]


def stackwire(*words: str, cwd: Path | None = None, **variables: str) -> Done:
    command, environment = [sys.executable, "-m", "stackwire.cloud", *words], {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def one_line(done: Done) -> str:
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="stackwire-test-"))
    path.chmod(0o755)
    yield path
    if (path / "cloud.json").exists():
        stackwire("down", "--data-dir", str(path))
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def ports() -> list[str]:
    return [
        part for name, port in free_ports((*ORDER, "trace", REGISTRY)).items() for part in (f"--{name}-port", str(port))
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bogus"], "No such option: --bogus"),
        (["--image-port", "http"], "--image-port"),
        (["--image-port", "0"], "--image-port 0 is not a port"),
        (["--image-port", "65536"], "--image-port 65536 is not a port"),
        (["--image-port", "5000"], "--image-port and --identity-port are both 5000"),
        (["--release", "xanadu"], "unknown release 'xanadu'"),
        (["--with-bug", "lp-1"], "lp-1"),
        (["--database-url", "mysql://host/db"], "--database-url must be"),
        (["--amqp-url", "http://host"], "--amqp-url must be"),
        (["--database-url", "postgresql://user:hu/sh@host/db"], "--database-url: no URL: Port could not be cast"),
        (["--amqp-url", "amqp://host:port/"], "--amqp-url: no URL: Port could not be cast"),
        (["--processes", "2"], "--processes needs --amqp-url"),
        (["--processes", "65"], "--processes"),
        (["--processes", "2", "--amqp-url", "amqp://h", "--admin-port", "8792"], "--admin-port needs one process"),
        (["--processes", "2", "--amqp-url", "amqp://h", "--id-seed", "7"], "--id-seed needs one process"),
        (["--host", "256.256.256.256"], "--host 256.256.256.256"),
        (["--host", "192.0.2.1"], "192.0.2.1 cannot be used"),
        (["--data-dir", "/proc/none"], "cannot write to the data directory /proc/none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_one_line(folder: Path, words: list[str], says: str) -> None:
    assert says in one_line(stackwire("up", *words, cwd=folder))


@pytest.mark.parametrize("detach", [False, True], ids=["foreground", "detached"])
def test_a_port_in_use_is_one_line_that_names_it(folder: Path, ports: list[str], detach: bool) -> None:
    more = ["--detach"] if detach else []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = one_line(stackwire("up", *ports, "--volume-port", str(port), *more, "--data-dir", str(folder)))
    assert f"port {port} of 127.0.0.1 cannot be used for volume" in line


@pytest.mark.parametrize("detach", [False, True], ids=["foreground", "detached"])
@pytest.mark.parametrize(
    ("option", "url"),
    [("--database-url", "postgresql://user:hush@127.0.0.1:1/db"), ("--amqp-url", "amqp://user:hush@127.0.0.1:1/")],
)
def test_a_dead_server_is_one_line_without_its_password(
    folder: Path, ports: list[str], option: str, url: str, detach: bool
) -> None:
    more = ["--detach"] if detach else []
    line = one_line(stackwire("up", *ports, option, url, *more, "--data-dir", str(folder)))
    assert "hush" not in line


def test_an_unknown_command_and_an_unknown_service_are_one_line() -> None:
    assert "No such command 'frobnicate'" in one_line(stackwire("frobnicate"))
    assert "there is no service 'dns'" in one_line(stackwire("serve", "dns"))
    assert "--role is api, worker, registry or all" in one_line(stackwire("serve", "image", "--role", "boss"))


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (["trace"], {}, "trace is one process: what it has heard, or was told, lies in its memory"),
        (["volume"], {}, "the bus in process (STACKWIRE_AMQP_URL=memory): it cannot be had with --processes 2"),
        (["image"], {"STACKWIRE_IMAGE_DEBUG": "1"}, "STACKWIRE_IMAGE_DEBUG: it cannot be had with --processes 2"),
        (["volume"], {"STACKWIRE_VOLUME_PORT": "0"}, "a port that the system chooses (0)"),
    ],
    ids=["tracer", "bus in memory", "traces of calls", "any port"],
)
def test_what_lies_in_the_memory_of_one_process_is_not_had_with_several(
    words: list[str], variables: dict[str, str], says: str
) -> None:
    bus = {} if "bus" in says else {"STACKWIRE_AMQP_URL": "amqp://127.0.0.1:1/"}
    assert says in one_line(stackwire("serve", *words, "--processes", "2", **bus, **variables))


def test_down_and_status_of_nothing_say_so(folder: Path) -> None:
    down = stackwire("down", "--data-dir", str(folder))
    assert (down.returncode, down.stdout) == (0, f"no cloud runs in {folder}\n")
    status = stackwire("status", "--data-dir", str(folder), "--json")
    assert status.returncode == 1
    assert json.loads(status.stdout)["running"] is False


@pytest.mark.parametrize("words", ["up", "down", "status", "logs", "trace tail", "guest s"])
def test_a_data_directory_that_is_a_file_is_no_traceback(folder: Path, words: str) -> None:
    place = folder / "file"
    place.touch()
    done = stackwire(*words.split(), "--data-dir", str(place))
    assert len((done.stdout + done.stderr).splitlines()) == 1
    assert str(place) in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["up"], ["down"], ["status"]], ids=" ".join)
def test_a_file_that_cannot_be_opened_is_one_line_that_names_it(folder: Path, words: list[str]) -> None:
    (folder / "lock").mkdir()
    assert f"{folder}/lock: Is a directory" in one_line(stackwire(*words, "--data-dir", str(folder))).replace("to ", "")


@pytest.mark.parametrize("words", [[], ["--help"], ["status", "--json"]], ids=" ".join)
def test_a_reader_that_is_gone_is_no_traceback(folder: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "stackwire.cloud", *words],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            cwd=folder,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_while_the_command_is_read_is_no_traceback() -> None:
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from stackwire.cloud.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_detached_it_runs_until_down_and_keeps_its_data(folder: Path, ports: list[str]) -> None:
    started = stackwire("up", "--detach", "--data-dir", str(folder), *ports)
    assert started.returncode == 0, started.stderr
    assert f"OS_CLIENT_CONFIG_FILE={folder}/clouds.yaml" in started.stdout
    status = json.loads(stackwire("status", "--data-dir", str(folder), "--json").stdout)
    assert {name: service["health"] for name, service in status["services"].items()} == dict.fromkeys(
        (*ORDER, "trace"), "ok"
    )
    assert "a cloud runs in" in one_line(stackwire("up", "--data-dir", str(folder), *ports))
    image = create_image(status["services"])

    assert stackwire("down", "--data-dir", str(folder)).stdout == f"stopped the cloud in {folder}\n"
    assert stackwire("down", "--data-dir", str(folder)).returncode == 0
    assert stackwire("up", "--detach", "--data-dir", str(folder), *ports).returncode == 0
    assert show_image(status["services"], image)["name"] == "kept"


def test_killed_with_minus_nine_it_starts_again_with_its_data(folder: Path, ports: list[str]) -> None:
    assert stackwire("up", "--detach", "--data-dir", str(folder), *ports).returncode == 0
    state = json.loads((folder / "cloud.json").read_text())
    image = create_image({name: {"url": url} for name, url in state["services"].items()})
    os.kill(state["pid"], signal.SIGKILL)
    again = stackwire("up", "--detach", "--data-dir", str(folder), *ports)
    assert again.returncode == 0, again.stderr
    assert show_image({name: {"url": url} for name, url in state["services"].items()}, image)["name"] == "kept"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_one_signal_stops_it_gracefully(folder: Path, ports: list[str], how: signal.Signals) -> None:
    words = [sys.executable, "-m", "stackwire.cloud", "up", "--data-dir", str(folder), *ports]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "The cloud is ready:\n"
        process.send_signal(how)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert not (folder / "cloud.json").exists()


def test_the_token_key_is_its_owners_alone_and_stays(folder: Path, ports: list[str]) -> None:
    from stackwire.cloud.datadir import DataDir

    key = DataDir(folder).token_key()
    assert len(key) >= 32
    assert (folder / "token.key").stat().st_mode & 0o777 == 0o600
    assert DataDir(folder).token_key() == key


def test_what_users_store_is_readable_by_the_clouds_own_user_alone(folder: Path, ports: list[str]) -> None:
    assert stackwire("up", "--detach", "--data-dir", str(folder), *ports).returncode == 0
    services = json.loads((folder / "cloud.json").read_text())["services"]
    urls = {name: {"url": url} for name, url in services.items()}
    token = token_of(urls)
    image = create_image(urls)
    root = f"{urls['image']['url']}/v2/images/{image}"
    formats = [
        {"op": "add", "path": "/disk_format", "value": "raw"},
        {"op": "add", "path": "/container_format", "value": "bare"},
    ]
    request("PATCH", root, formats, token, kind="application/openstack-images-v2.1-json-patch")
    request("PUT", f"{root}/file", b"secret bytes", token, kind="application/octet-stream")
    flavor = request("GET", f"{urls['compute']['url']}/v2.1/flavors", token=token)[0]["flavors"][0]["id"]
    server = {"name": "kept", "imageRef": image, "flavorRef": flavor}
    request("POST", f"{urls['compute']['url']}/v2.1/servers", {"server": server}, token)
    asyncio.run(until(lambda: any(folder.rglob("console.log")), 20))
    open_ones = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if "postgres" not in path.relative_to(folder).parts[0] and not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_ones == []


def request(
    method: str, url: str, body: Any = None, token: str = "", kind: str = "application/json"
) -> tuple[Any, dict[str, str]]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": kind, "X-Auth-Token": token}, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read() or b"null"), dict(answer.headers)


def token_of(services: dict[str, Any], password: str = "secret") -> str:
    domain = {"id": "default"}
    wish = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "demo", "domain": domain, "password": password}},
            },
            "scope": {"project": {"name": "demo", "domain": domain}},
        }
    }
    return request("POST", f"{services['identity']['url']}/v3/auth/tokens", wish)[1]["X-Subject-Token"]


def create_image(services: dict[str, Any]) -> str:
    body, _ = request("POST", f"{services['image']['url']}/v2/images", {"name": "kept"}, token_of(services))
    return str(body["id"])


def show_image(services: dict[str, Any], image: str) -> Any:
    return request("GET", f"{services['image']['url']}/v2/images/{image}", token=token_of(services))[0]


def test_a_variable_that_is_no_setting_is_refused(folder: Path, ports: list[str]) -> None:
    for words in (["up", "--data-dir", str(folder), *ports], ["serve", "image"]):
        assert "no setting is called STACKWIRE_IMAGE_CASHE" in one_line(stackwire(*words, STACKWIRE_IMAGE_CASHE="1"))


def test_another_image_service_needs_a_way_to_it(folder: Path, ports: list[str]) -> None:
    done = stackwire("up", "--data-dir", str(folder), *ports, STACKWIRE_IMAGE_URL="http://127.0.0.1:9")
    assert "STACKWIRE_IMAGE_URL needs STACKWIRE_VOLUME_IMAGE_API=http" in one_line(done)


def test_passwords_that_everybody_knows_are_for_the_loopback_address(folder: Path, ports: list[str]) -> None:
    done = stackwire("up", "--data-dir", str(folder), "--host", "0.0.0.0", *ports)
    assert "the passwords of admin, alt, cinder, demo, glance, nova, reader are public" in one_line(done)


def test_with_a_password_of_ones_own_the_cloud_is_for_others_too(folder: Path, ports: list[str]) -> None:
    """A container's way: the password from a file, the address at which the ports are published in the catalogue."""
    (folder / "password").write_text("what only we know\n")
    own = {"STACKWIRE_IDENTITY_SEED_PASSWORD_FILE": str(folder / "password"), "STACKWIRE_IDENTITY_REGION": "RegionTwo"}
    done = stackwire("up", "-d", "--data-dir", str(folder), *ports, STACKWIRE_HOST="0.0.0.0", **own)
    assert done.returncode == 0, done.stderr
    assert "their password is in these files" in done.stdout
    assert "Others than this machine reach it at 0.0.0.0" in done.stdout
    assert "password: what only we know" in (folder / "clouds.yaml").read_text()
    assert "region_name: RegionTwo" in (folder / "clouds.yaml").read_text(), "as the catalogue has it"
    assert (folder / "clouds.yaml").stat().st_mode & 0o077 == 0
    services = json.loads(stackwire("status", "--json", "--data-dir", str(folder)).stdout)["services"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        token_of(services)
    assert token_of(services, "what only we know")
