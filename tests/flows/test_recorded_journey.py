"""The journey of a recorded OpenStack, replayed: what differs is on the compatibility page, or is a failure."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER as SERVICES_ORDER
from stackwire.cloud.options import Options, free_ports
from stackwire.db.bootstrap import SERVICES, create_database
from support.cloud import TOKEN_KEY, TestCloud
from support.golden import ORDER, allowances, differences, recording
from support.golden_replay import GoldenReplay, property_rows
from support.paired import PairedCloud
from support.postgres import TestDatabase, TestServer, drop_checked

PAGE = Path(__file__).parent.parent / "COMPATIBILITY.md"
HEADING = "Differences, and why"

ROWS = {
    "image_properties": (
        "image",
        "SELECT image_id AS owner, name AS key, value FROM image_properties WHERE NOT deleted",
    ),
    "volume_glance_metadata": (
        "volume",
        "SELECT volume_id AS owner, key, value FROM volume_glance_metadata WHERE volume_id IS NOT NULL AND NOT deleted",
    ),
    "snapshot_glance_metadata": (
        "volume",
        "SELECT snapshot_id AS owner, key, value FROM volume_glance_metadata WHERE snapshot_id <> '' AND NOT deleted",
    ),
    "instance_system_metadata": (
        "compute",
        "SELECT s.instance_uuid AS owner, s.key, s.value FROM instance_system_metadata s"
        " JOIN instances i ON i.uuid = s.instance_uuid WHERE NOT i.deleted",
    ),
}


@dataclass
class Run:
    """What one replay found: differences of each flow, and its property rows beside the recorded ones."""

    found: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module", params=[Cloud, PairedCloud], ids=["one_process", "two_processes"])
async def run(
    request: pytest.FixtureRequest,
    postgres_server: TestServer,
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Run]:
    name = f"{postgres_template}_{uuid.uuid4().hex[:8]}"
    await create_database(postgres_server.admin, name, template=postgres_template)
    database = TestDatabase(postgres_server, name)
    options = Options(data_dir=tmp_path_factory.mktemp("recorded"), ports=free_ports(SERVICES_ORDER))
    urls = {service: database.url(service) for service in SERVICES}
    started = request.param(options, database_urls=urls, token_key=TOKEN_KEY)
    await started.start()
    cloud = TestCloud(started, database)
    try:
        yield await replay(cloud)
    finally:
        await cloud.close()
        violations = await drop_checked(database)
        assert not violations, "\n".join(violations)


async def replay(cloud: TestCloud) -> Run:
    demo = await cloud.http("demo")
    user = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).ok().json
    replay = GoldenReplay(cloud, demo, user["token"]["user"]["id"])
    await replay.learn_flavors()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(replay.on_wire_record)
    run = Run()
    for flow in ORDER:
        try:
            run.found[flow] = await replay.run(flow)
        except Exception as error:  # one flow that breaks must not hide the others
            run.found[flow] = [f"the flow broke off: {error!r}"]
        ours = property_rows(
            {table: await cloud.rows(service, sql) for table, (service, sql) in ROWS.items()}, replay.names
        )
        run.rows[flow] = list(_row_differences(recording(flow)["properties"], ours, replay.names.by_id.values()))
    await watch.cancel()
    return run


def _row_differences(recorded: dict[str, Any], ours: dict[str, Any], known: Any) -> list[str]:
    """Rows of the resources both journeys have: the recorded one had some flows more."""
    found: list[str] = []
    for table, owners in recorded.items():
        for owner, rows in owners.items():
            if f"<{owner}>" in known:
                found += differences(f"{table}[{owner}]", rows, ours.get(table, {}).get(owner, {}))
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", ORDER)
async def test_property_rows_are_those_of_the_recorded_cloud(run: Run, flow: str):
    assert not run.rows[flow], "\n".join(run.rows[flow])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", ORDER)
async def test_bodies_and_notifications_differ_only_where_the_page_says_so(run: Run, flow: str):
    rows = allowances(PAGE, HEADING)
    unexplained = [found for found in run.found[flow] if not any(row.covers(flow, found) for row in rows)]
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.timeout(300)
async def test_the_page_explains_nothing_that_does_not_differ(run: Run):
    idle = [
        f"{row.flow} | {row.where}"
        for row in allowances(PAGE, HEADING)
        if not any(row.covers(flow, found) for flow, differences in run.found.items() for found in differences)
    ]
    assert not idle, "\n".join(idle)
