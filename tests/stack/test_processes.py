"""``--processes``: several processes of each service on one port do what one does, and survive the death of any."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stackwire.cloud.options import ORDER, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from support.cloud import JsonClient, log_in
from support.polling import until, wait_for_exit
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(180)]

VOLUMES = "/v3/{project_id}/volumes"


async def test_no_accepted_request_is_lost_when_processes_are_killed(
    postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path
) -> None:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path, settings={"LEASE_SECONDS": "3"})
        try:
            await processes.start("identity")
            await processes.start("volume", processes=2)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
                demo = await log_in(session, processes.urls)
                admin = await log_in(session, processes.urls, "admin")
                unlimited = {"quota_set": {"volumes": -1, "gigabytes": -1}}
                path = f"/v3/{{project_id}}/os-quota-sets/{demo.project_id}"
                (await admin.put("volume", path, json=unlimited)).ok(200)
                accepted = await under_fire(demo, processes, kills=3)
                assert len(accepted) > 20
                found = await until(lambda: ends(demo, accepted), 90.0, interval=0.2)
                assert found.keys() <= {"available", "error"}
                assert found["error"] <= 2 * 3  # what a worker had begun when it was killed: the state table says so
                await until(lambda: len(processes.children("volume")) == 2)
                log = processes.log("volume")
                assert log.count("ended by SIGKILL: it is started again") == 3
                assert "Traceback" not in log
        finally:
            await processes.close()


async def under_fire(client: JsonClient, processes: Processes, kills: int) -> list[str]:
    """Volumes whose creation was answered 202 while processes were killed, one after the other."""
    accepted: list[str] = []
    done = asyncio.Event()

    async def create() -> None:
        while not done.is_set():
            try:
                answer = await client.post("volume", VOLUMES, json={"volume": {"size": 1}})
            except (aiohttp.ClientError, ConnectionError):
                continue  # the process that had it was killed: nothing was answered, nothing is promised
            accepted.append(answer.ok(202).json["volume"]["id"])

    async def kill() -> None:
        try:
            for _ in range(kills):
                before = len(accepted)
                await until(lambda before=before: len(accepted) >= before + 8, 60.0)  # type: ignore[misc]  # mypy infers no lambda with defaults
                victim = random.Random(before).choice(processes.children("volume"))
                os.kill(victim, signal.SIGKILL)
                wait_for_exit(victim)
        finally:
            done.set()

    async with asyncio.TaskGroup() as group:
        for work in (create(), create(), kill()):
            group.create_task(work)
    return accepted


async def ends(client: JsonClient, ids: list[str]) -> Counter[str]:
    """How many there are in each status, once all that was promised is there and none is under way."""
    found = (await client.get("volume", f"{VOLUMES}/detail?limit=1000")).ok(200).json["volumes"]
    known = {volume["id"]: volume["status"] for volume in found}
    assert set(ids) <= set(known)
    counts = Counter(known.values())
    return counts if "creating" not in counts else Counter()


@pytest.mark.slow
async def test_a_journey_on_a_cloud_of_several_processes(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    """``stackwire up --processes 2``, with its own PostgreSQL, which is killed on the way."""
    tmp_path.chmod(0o755)
    ports = free_ports((*ORDER, "trace"))
    words = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    with own_vhost(rabbitmq) as url, (tmp_path / "log").open("wb") as log:
        command = ("up", "--processes", "2", "--amqp-url", url, "--data-dir", str(tmp_path / "data"), *words)
        cloud = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stackwire.cloud", *command, stdout=log, stderr=log
        )
        try:
            await until(lambda: "The cloud is ready" in (tmp_path / "log").read_text() or cloud.returncode, 90.0)
            await journey({name: f"http://127.0.0.1:{ports[name]}" for name in ORDER}, tmp_path)
            cloud.send_signal(signal.SIGINT)
            assert await cloud.wait() == 0
        finally:
            if cloud.returncode is None:
                cloud.kill()
                await cloud.wait()


async def journey(urls: dict[str, str], folder: Path) -> None:
    """A property from an image to a volume and to servers on both hosts, each of which another process has."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        admin = await log_in(session, urls, "admin")
        image = await an_image(admin)
        wish = {"volume": {"size": 1, "imageRef": image}}
        volume = (await admin.post("volume", VOLUMES, json=wish)).ok(202).json["volume"]["id"]
        found = await settled(admin, "volume", f"{VOLUMES}/{volume}", "volume", "available")
        assert found["volume_image_metadata"]["hw_disk_bus"] == "scsi"
        hosts = [(await a_server(admin, image, f"nova:compute-{number}")) for number in (1, 2)]
        assert hosts == ["compute-1", "compute-2"]
        await check_metrics(session, urls)
        pid = EmbeddedPostgres(folder / "data").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: "PostgreSQL runs again" in (folder / "log").read_text(), 60.0)
        await until(lambda: serves(admin, image), 30.0)


async def an_image(client: JsonClient) -> str:
    wish = {"name": "disk", "disk_format": "raw", "container_format": "bare", "hw_disk_bus": "scsi"}
    image: str = (await client.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    octets = {"Content-Type": "application/octet-stream"}
    (await client.put("image", f"/v2/images/{image}/file", data=b"data", headers=octets)).ok(204)
    return image


async def a_server(client: JsonClient, image: str, zone: str) -> str:
    """The host it is on."""
    flavor = (await client.get("compute", "/v2.1/flavors")).ok(200).json["flavors"][0]["id"]
    wish = {"name": "s", "imageRef": image, "flavorRef": flavor, "networks": "none", "availability_zone": zone}
    version = {"OpenStack-API-Version": "compute 2.37"}
    made = await client.post("compute", "/v2.1/servers", json={"server": wish}, headers=version)
    path = f"/v2.1/servers/{made.ok(202).json['server']['id']}"
    found = await settled(client, "compute", path, "server", "ACTIVE")
    return str(found["OS-EXT-SRV-ATTR:host"])


async def settled(client: JsonClient, service: str, path: str, noun: str, status: str) -> Any:
    async def found() -> Any:
        resource = (await client.get(service, path)).ok(200).json[noun]
        assert resource["status"].lower() != "error", resource
        return resource if resource["status"] == status else None

    return await until(found, 60.0, interval=0.05)


async def check_metrics(session: aiohttp.ClientSession, urls: dict[str, str]) -> None:
    """One of the processes answers for both."""
    async with session.get(f"{urls['image']}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    told = Counter(line.split("{")[1].split(",")[0] for line in lines if line.startswith("stackwire_broker_up{"))
    assert told == {'process="1"': 1, 'process="2"': 1}


async def serves(client: JsonClient, image: str) -> bool:
    return (await client.get("image", f"/v2/images/{image}")).status == 200
