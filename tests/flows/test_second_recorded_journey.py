"""The second journey of a recorded OpenStack (moves, rescue, backups, groups, errors), replayed as the first one."""

import copy
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
from support.cloud import TOKEN_KEY, JsonClient, TestCloud
from support.golden import allowances, differences, order, recording
from support.golden_replay import stored_value
from support.golden_second import BACKENDS, SETTINGS, SecondNames, SecondReplay
from support.paired import PairedCloud
from support.postgres import TestDatabase, TestServer, drop_checked

PAGE = Path(__file__).parent.parent / "COMPATIBILITY.md"
HEADING = "Differences from the second recording"
FLOWS = order("golden2")

ROWS = {
    "image_properties": ("image", "SELECT image_id AS owner, name AS key, value, deleted FROM image_properties"),
    "volume_glance_metadata": (
        "volume",
        "SELECT volume_id AS owner, key, value, deleted FROM volume_glance_metadata WHERE volume_id IS NOT NULL",
    ),
    "snapshot_glance_metadata": (
        "volume",
        "SELECT snapshot_id AS owner, key, value, deleted FROM volume_glance_metadata WHERE snapshot_id <> ''",
    ),
    "instance_system_metadata": (
        "compute",
        "SELECT s.instance_uuid AS owner, s.key, s.value, i.deleted FROM instance_system_metadata s"
        " JOIN instances i ON i.uuid = s.instance_uuid",
    ),
}


@dataclass
class Run:
    """What the replay found: differences of each flow, and its property rows beside the recorded ones."""

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
    folder = tmp_path_factory.mktemp("recorded")
    settings = copy.deepcopy(SETTINGS)
    settings["volume"]["backends"] = folder / "backends.toml"
    settings["volume"]["backends"].write_text(BACKENDS)
    options = Options(data_dir=folder / "cloud", ports=free_ports(SERVICES_ORDER))
    urls = {service: database.url(service) for service in SERVICES}
    started = request.param(options, database_urls=urls, token_key=TOKEN_KEY, settings=settings)
    await started.start()
    cloud = TestCloud(started, database)
    try:
        yield await replay(cloud, settings)
    finally:
        await cloud.close()
        violations = await drop_checked(database)
        assert not violations, "\n".join(violations)


async def user_id(client: JsonClient) -> str:
    answer = await client.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": client.token})
    return str(answer.ok().json["token"]["user"]["id"])


async def replay(cloud: TestCloud, settings: dict[str, dict[str, Any]]) -> Run:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    replay = SecondReplay(cloud, settings, demo, await user_id(demo), admin, await user_id(admin))
    await replay.learn_flavors()
    await replay.give_room()
    await replay.make_types()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(replay.on_wire_record)
    run = Run()
    for flow in FLOWS:
        try:
            run.found[flow] = await replay.run(flow)
        except Exception as error:  # one flow that breaks must not hide the others
            run.found[flow] = [f"the flow broke off: {error!r}"]
        recorded = recording(flow, "golden2")["properties"]
        run.rows[flow] = await row_differences(cloud, recorded, replay.names, deleted=False)
        run.found[flow] += await row_differences(cloud, recorded, replay.names, deleted=True)
    await watch.cancel()
    return run


async def row_differences(
    cloud: TestCloud, recorded: dict[str, Any], names: SecondNames, *, deleted: bool
) -> list[str]:
    """Property rows of the resources that both clouds made: those that count, or those that are marked deleted."""
    found: list[str] = []
    for table, owners in recorded.items():
        service, sql = ROWS[table]
        ours: dict[str, list[list[Any]]] = {}
        for row in await cloud.rows(service, sql):
            owner = names.by_id.get(row["owner"], row["owner"]).strip("<>")
            value = stored_value(row["key"], row["value"], names)
            ours.setdefault(owner, []).append([row["key"], value, row["deleted"]])
        for owner, rows in owners.items():
            if f"<{owner}>" in names.by_id.values():
                where = f"deleted {table}[{owner}]" if deleted else f"{table}[{owner}]"
                found += differences(where, _by_key(rows, deleted), _by_key(ours.get(owner, []), deleted))
    return found


def _by_key(rows: list[list[Any]], deleted: bool) -> dict[str, list[Any]]:
    """Of those marked deleted a key may have several."""
    grouped: dict[str, list[Any]] = {}
    for key, value, gone in rows:
        if gone == deleted:
            grouped.setdefault(key, []).append(value)
    return {key: sorted(values, key=str) for key, values in grouped.items()}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", FLOWS)
async def test_property_rows_are_those_of_the_recorded_cloud(run: Run, flow: str) -> None:
    assert not run.rows[flow], "\n".join(run.rows[flow])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", FLOWS)
async def test_bodies_and_notifications_differ_only_where_the_page_says_so(run: Run, flow: str) -> None:
    rows = allowances(PAGE, HEADING)
    unexplained = [found for found in run.found[flow] if not any(row.covers(flow, found) for row in rows)]
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.timeout(300)
async def test_the_page_explains_nothing_that_does_not_differ(run: Run) -> None:
    idle = [
        f"{row.flow} | {row.where}"
        for row in allowances(PAGE, HEADING)
        if not any(row.covers(flow, found) for flow, differences in run.found.items() for found in differences)
    ]
    assert not idle, "\n".join(idle)
