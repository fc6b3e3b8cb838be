"""What is wrong with a machine, or with a cloud, is found, and each finding has a remedy."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stackwire.cloud import diagnosis
from stackwire.cloud.diagnosis import Finding, Subject, findings
from stackwire.cloud.options import EMBEDDED, MEMORY
from support.cloud import ACloud
from support.postgres import TestDatabase
from support.rabbitmq import TestRabbit


async def found(folder: Path, **what: object) -> dict[str, Finding]:
    subject = {"host": "127.0.0.1", "ports": {}, "database_url": EMBEDDED, "amqp_url": MEMORY, **what}
    every = [finding async for finding in findings(Subject(data_dir=folder, **subject))]  # type: ignore[arg-type]  # of any field
    assert all(finding.remedy for finding in every if finding.severity != "ok")
    return {finding.check: finding for finding in every}


def test_a_machine_on_which_a_cloud_can_start_has_no_problem(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "stackwire.cloud", "doctor", "--data-dir", str(tmp_path), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    said = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    checks = {finding["check"]: finding["severity"] for finding in json.loads(said.stdout)}
    assert checks.pop("qemu-img") in ("ok", "warning")
    assert checks == dict.fromkeys(("python", "packages", "settings", "open files", "disk", "ports", "postgres"), "ok")


def test_a_problem_is_the_exit_code_and_its_remedy_stands_below(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["--data-dir", str(tmp_path), "--port", str(taken.getsockname()[1])]
        command = [sys.executable, "-m", "stackwire.cloud", "doctor", *words]
        environment = {**os.environ, "STACKWIRE_IMAGE_PROT": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "problem  ports           taken at 127.0.0.1" in done.stdout
    assert "problem  settings        no setting is called STACKWIRE_IMAGE_PROT" in done.stdout
    assert done.stdout.count("-> ") >= 2


@pytest.mark.parametrize(
    ("url", "text", "remedy"),
    [
        ("postgresql://u:canary@127.0.0.1:1/x", "Connect call failed", "start it"),
        ("postgresql://u:canary@127.0.0.1:port/x", "", "start it"),
    ],
)
async def test_a_database_that_cannot_be_reached(tmp_path: Path, url: str, text: str, remedy: str) -> None:
    finding = (await found(tmp_path, database_url=url))["database"]
    assert finding.severity == "problem"
    assert text in finding.text
    assert finding.remedy.startswith(remedy)
    assert "canary" not in finding.text


async def test_a_database_that_can_be_used_and_one_of_another_time(
    tmp_path: Path, postgres: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url("image")
    assert (await found(tmp_path, database_url=url))["database"].severity in ("ok", "warning")
    monkeypatch.setattr(diagnosis, "SKEW_SECONDS", -1.0)
    finding = (await found(tmp_path, database_url=url))["database"]
    assert "clock differs" in finding.text


@pytest.mark.rabbitmq
async def test_a_broker_with_a_wrong_password_one_that_is_away_and_one_that_answers(
    tmp_path: Path, rabbitmq: TestRabbit
) -> None:
    login, _, place = rabbitmq.url.removeprefix("amqp://").partition("@")
    wrong = (await found(tmp_path, amqp_url=f"amqp://{login.split(':')[0]}:canary@{place}"))["broker"]
    assert wrong.remedy.startswith("correct user and password")
    assert "canary" not in wrong.text
    away = (await found(tmp_path, amqp_url="amqp://guest:guest@127.0.0.1:1/"))["broker"]
    assert away.remedy.startswith("start it")
    assert (await found(tmp_path, amqp_url=rabbitmq.url))["broker"].severity == "ok"


async def test_leftovers_of_a_cloud_that_died(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "cloud.json").write_text("{}")
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text("999999\n")
    seen = await found(tmp_path)
    assert "ended without a word" in seen["lock"].text
    assert "postmaster.pid" in [f.text async for f in findings(_subject(tmp_path)) if f.severity == "warning"][1]


def _subject(folder: Path) -> Subject:
    return Subject(folder, "127.0.0.1", {}, EMBEDDED, MEMORY)


async def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "free_bytes", lambda folder: 1)
    assert (await found(tmp_path))["disk"].severity == "problem"


async def test_the_services_of_a_cloud_that_runs_say_what_they_need(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "image"), settings={"image": {"disk_free_limit": 2**62}})
    services = {name: cloud.urls[name] for name in ("identity", "image")} | {"volume": "http://127.0.0.1:1"}

    def look() -> dict[str, Finding]:
        return {finding.check: finding for finding in diagnosis._services({"services": services})}

    seen = await asyncio.to_thread(look)
    assert seen["identity"].severity == "ok"
    assert "is not ready: disk: " in seen["image"].text
    assert "does not answer" in seen["volume"].text
