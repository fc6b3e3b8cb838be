"""Every message between our services, and every versioned notification, read by the real Nova's and Cinder's classes.

They come with an installation of Nova and Cinder 2026.2, which ``OPENSTACK_PYTHON`` names by its interpreter.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.servers import SMALL_FLAVOR, a_server, server_action
from support.builders.volumes import create_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.golden import ORDER
from support.golden_replay import GoldenReplay

READER = Path(__file__).parent.parent / "contract" / "oslo" / "peers" / "originals.py"
TIMEOUT_SECONDS = 120
EXCHANGES = {"nova": {"nova", "scheduler_fanout", "compute_fanout"}, "cinder": {"cinder", "cinder-scheduler_fanout"}}
ACTIONS: list[dict[str, Any]] = [
    {"reboot": {"type": "HARD"}}, {"pause": None}, {"unpause": None}, {"suspend": None}, {"resume": None},
    {"os-getConsoleOutput": {"length": 3}}, {"changePassword": {"adminPass": "x"}}, {"trigger_crash_dump": None},
    {"injectNetworkInfo": None}, {"resize": {"flavorRef": SMALL_FLAVOR}}, {"revertResize": None}, {"migrate": None},
    {"confirmResize": None}, {"os-migrateLive": {"host": None, "block_migration": "auto"}},
    {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}}, {"rescue": {}}, {"unrescue": None},
    {"shelve": None}, {"unshelve": None}, {"os-stop": None}, {"os-start": None},
]  # fmt: skip
"""Of a server, one after the other: what the recorded journey does not do."""
FROM_A_VOLUME: list[tuple[str, dict[str, Any]]] = [
    ("/snapshots", {"snapshot": {"volume_id": "{volume}"}}),
    ("/backups", {"backup": {"volume_id": "{volume}"}}),
    ("/volumes/{volume}/action", {"os-extend": {"new_size": 2}}),
    ("/volumes/{volume}/action", {"os-retype": {"new_type": "other", "migration_policy": "never"}}),
    ("/volume-transfers", {"transfer": {"volume_id": "{volume}"}}),
]


@pytest.fixture(scope="module")
async def messages(a_shared_cloud: ASharedCloud) -> list[WireRecord]:
    """Those of the whole recorded journey, and of what it does not do."""
    cloud = await a_shared_cloud()
    demo = await cloud.http("demo")
    heard: list[WireRecord] = []
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(lambda record: heard.append(record) if record.kind == "publish" else None)
    user = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).ok().json
    replay = GoldenReplay(cloud, demo, user["token"]["user"]["id"])
    await replay.learn_flavors()
    for flow in ORDER:
        await replay.run(flow)
    await more(cloud, demo)
    await watch.cancel()
    return heard


async def more(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo, hw_numa_nodes="1"))
    for action in ACTIONS:
        answer = await server_action(admin, server_id, **action)
        assert answer.status in range(200, 300), (action, answer.body)
        await cloud.settle()
    zone = {"availability_zone": "nova:nowhere", "name": "s", "flavorRef": "1", "networks": "none"}
    await demo.post("compute", "/v2.1/servers", json={"server": {**zone, "imageRef": await an_image(demo)}})
    (await admin.post("volume", "/v3/{project_id}/types", json={"volume_type": {"name": "other"}})).ok(200)
    volume = (await create_volume(cloud, demo))["id"]
    for path, body in FROM_A_VOLUME:
        filled = json.loads(json.dumps(body).replace("{volume}", volume))
        sent = await demo.post("volume", f"/v3/{{project_id}}{path.replace('{volume}', volume)}", json=filled)
        assert sent.status == 202, (path, sent.body)
        await cloud.settle()


async def read_by(python: str, service: str, records: list[WireRecord]) -> list[list[str]]:
    lines = [
        json.dumps({"exchange": each.exchange, "routing_key": each.routing_key, "body": each.body.decode()})
        for each in records
    ]
    process = await asyncio.create_subprocess_exec(
        python, str(READER), service, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(TIMEOUT_SECONDS):
        out, err = await process.communicate("".join(f"{line}\n" for line in lines).encode())
    assert process.returncode == 0, err.decode()[-2000:]
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("service", EXCHANGES)
async def test_the_original_reads_every_message(
    openstack_python: str, messages: list[WireRecord], service: str
) -> None:
    records = [record for record in messages if record.exchange in EXCHANGES[service]]
    found: Counter[str] = Counter()
    for record, faults in zip(records, await read_by(openstack_python, service, records), strict=True):
        message = unwrap(record.body, record.properties)
        what = message.get("method") or message["event_type"]
        found.update(f"{record.routing_key} {what}: {fault}" for fault in faults)
    assert not found, "\n".join(f"{count} x {text}" for text, count in found.items())
