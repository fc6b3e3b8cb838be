"""The kinds of faults, with the services in processes of their own on RabbitMQ, through ``stackwire serve admin``.

The stories are those of ``flows/test_faults.py``. ``make test`` tells some of them, ``make test-faults`` all.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from stackwire.cloud.admin_client import AdminClient
from stackwire.core.fault_rules import KINDS
from stackwire.db.bootstrap import create_database, drop_database
from support.cloud import JsonClient, log_in
from support.fault_stories import CloudWithFaults, Story, told_of
from support.postgres import TestDatabase, TestServer
from support.processes import ADMIN, CRASHED, Processes, own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(180)]

SAMPLE = ("http.status", "bus.drop", "bus.away", "store.corrupt", "worker.crash", "worker.freeze")
"""One of each part that can fail, and what is hard with several processes."""
CHOSEN = KINDS if os.environ.get("FAULT_KINDS") == "all" else SAMPLE
SETTINGS = {"FAULT_INJECTION": "true", "SWEEP_SECONDS": "0.5", "LEASE_SECONDS": "2.0", "HEARTBEAT_SECONDS": "0.5"}


@pytest.fixture(scope="module")
async def processes(
    postgres_server: TestServer, postgres_template: str, rabbitmq: TestRabbit, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Processes]:
    folder: Path = tmp_path_factory.mktemp("faults")
    database = TestDatabase(postgres_server, f"{postgres_template}_faults")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    with own_vhost(rabbitmq) as url:
        found = Processes(database, url, folder, SETTINGS)
        try:
            await found.start(ADMIN)
            await found.start_all()
            yield found
        finally:
            await found.close()
    await drop_database(postgres_server.admin, database.name)


@pytest.fixture
async def faulty(processes: Processes) -> AsyncIterator[CloudWithFaults]:
    async def restarted(service: str) -> None:
        assert await processes.wait(service) == CRASHED
        await processes.start(service)

    admin = AdminClient(processes.admin_url, processes.data_dir(ADMIN) / "admin.token")
    async with aiohttp.ClientSession() as session:
        cloud = CloudWithFaults(await log_in(session, processes.urls), admin, restarted)
        yield cloud
        await cloud.tidy()
        await give_up_what_waits_for_ever(await log_in(session, processes.urls, "admin"))
        await processes.at_rest()
    admin.close()


async def give_up_what_waits_for_ever(admin: JsonClient) -> None:
    """A volume whose message was dropped stays as it was promised, until an operator looks."""
    found = (await admin.get("volume", "/v3/{project_id}/volumes?all_tenants=1&status=creating")).ok(200)
    for volume in found.json["volumes"]:
        path = f"/v3/{{project_id}}/volumes/{volume['id']}"
        (await admin.post("volume", f"{path}/action", json={"os-force_delete": {}})).ok(202)


@pytest.mark.parametrize(("kind", "story"), told_of(CHOSEN))
async def test_a_fault_does_what_its_kind_says(faulty: CloudWithFaults, kind: str, story: Story) -> None:
    await story(faulty)
    assert faulty.kinds == {kind}
