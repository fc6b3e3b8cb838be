"""OSSN-0048: Python run with ``-O`` leaves asserts out. What is refused then is what is refused otherwise."""

from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from support.cloud import JsonClient, log_in
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit
from unit.image.test_inspection import qcow2

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(180)]
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
RAW = {"disk_format": "raw", "container_format": "bare"}


async def refusals(session: aiohttp.ClientSession, urls: dict[str, str]) -> list[tuple[str, int, int]]:
    """Every try of somebody who may not: what it was, the status it should have, and the one it has."""
    demo, alt, reader, admin = [await log_in(session, urls, user) for user in ("demo", "alt", "reader", "admin")]
    image = (await demo.post("image", "/v2/images", json={**RAW, "visibility": "private"})).ok(201).json["id"]
    wish = {"volume": {"size": 1}}
    volume = (await demo.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"]
    nobody = JsonClient(session, urls, f"{demo.token[:-3]}abc", demo.project_id)
    publish = [{"op": "replace", "path": "/visibility", "value": "public"}]
    path, volumes = f"/v2/images/{image}", f"/v3/{demo.project_id}/volumes"
    upload = {"data": qcow2(backing=0x200), "headers": OCTETS}
    server = {"server": {"name": "s", "flavorRef": "none", "imageRef": str(uuid4())}}
    flavor = {"flavor": {"name": "f", "ram": 64, "vcpus": 1, "disk": 1}}
    import_ = {"method": {"name": "web-download", "uri": "http://127.0.0.1/"}}
    tries = [
        (nobody, "GET", "image", "/v2/images", {}, 401),
        (nobody, "GET", "volume", volumes, {}, 401),
        (nobody, "GET", "compute", "/v2.1/servers", {"headers": {"X-Roles": "admin"}}, 401),
        (nobody, "GET", "identity", "/v3/users", {}, 401),
        (demo, "GET", "identity", "/v3/users", {}, 403),
        (alt, "GET", "image", path, {}, 404),
        (alt, "DELETE", "image", path, {}, 404),
        (alt, "GET", "volume", volumes, {}, 400),
        (alt, "GET", "volume", f"/v3/{{project_id}}/volumes/{volume}", {}, 404),
        (alt, "DELETE", "volume", f"/v3/{{project_id}}/volumes/{volume}", {}, 404),
        (reader, "POST", "image", "/v2/images", {"json": {"name": "i"}}, 403),
        (reader, "POST", "volume", volumes, {"json": wish}, 403),
        (reader, "POST", "compute", "/v2.1/servers", {"json": server}, 403),
        (demo, "PATCH", "image", path, {"json": publish, "headers": PATCH}, 403),
        (demo, "PUT", "image", f"{path}/file", upload, 415),
        (demo, "POST", "image", f"{path}/import", {"json": import_}, 400),
        (demo, "POST", "image", "/v2/tasks", {"json": {"type": "import", "input": {}}}, 403),
        (demo, "POST", "compute", "/v2.1/flavors", {"json": flavor}, 403),
        (demo, "GET", "compute", "/v2.1/os-hypervisors", {}, 403),
        (admin, "GET", "image", "/v2/images/..%2f..%2fetc", {}, 404),
    ]
    found = []
    for client, verb, service, asked, sent, expected in tries:
        answer = await client.request(verb, service, asked, **sent)
        found.append((f"{verb} {asked}", expected, answer.status))
    return found


async def test_what_is_refused_is_refused_without_asserts_too(
    postgres: TestDatabase, rabbitmq: TestRabbit, tmp_path: Path
) -> None:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path, environment={"PYTHONOPTIMIZE": "1"})
        try:
            await processes.start_all()
            async with aiohttp.ClientSession() as session:
                for tried, expected, got in await refusals(session, processes.urls):
                    assert got == expected, tried
        finally:
            await processes.close()
