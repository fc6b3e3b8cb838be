"""A message that is delivered a second time changes nothing: whichever it is, in whichever order, however late.

It is what no query of the rows can ask (``support/invariants.py``): the rows before and after are compared.
"""

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stackwire.cloud.options import ORDER
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.transport import Address, WireRecord
from support.builders.images import an_image
from support.builders.servers import SERVERS, SMALL_FLAVOR, a_server, finish_action, from_volume
from support.builders.volumes import VOLUMES, a_backup, a_volume, restore, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.isolation import UNSEEN, dump_of

SNAPSHOTS, BACKUPS = "/v3/{project_id}/snapshots", "/v3/{project_id}/backups"
ASKED_AGAIN = (
    "scheduler.select_destinations.start", "scheduler.select_destinations.end", "host.selected",
    "compute.instance.rebuild.scheduled", "instance.rebuild_scheduled",
)  # fmt: skip
"""What is said by who changes no row, and is asked once more: no row says that it was said."""
UNCOUNTED = ("quota_usages", "resize_claims", "instance_actions_events")
"""Rows of a project; claims that lie there until the next; steps, which two who work at one moment may both list."""
TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> ALL($1)"
SAID = "SELECT name, count(*) AS n FROM outbox WHERE kind = 'notify' AND name <> ALL($1) GROUP BY 1 ORDER BY 1"
SETTLE_SECONDS = 120.0
"""Everything is asked for at once."""
Messages = list[WireRecord]


class Bus:
    """What was published on the bus of a cloud, but for replies: their callers are named in them.

    ``doubles``: it is published twice, calls with the same id, of which their server has the latest.
    """

    def __init__(self, cloud: TestCloud) -> None:
        assert cloud.cloud.broker is not None
        self.broker = cloud.cloud.broker
        self.published: Messages = []
        self.doubles = self._copying = False
        self.broker.watch(self._see)

    def _see(self, record: WireRecord) -> None:
        if record.kind == "publish" and record.exchange and not self._copying:
            self.published.append(record)
            if self.doubles:
                copy = record if is_call(record) else under_a_new_id(record)
                asyncio.get_running_loop().call_soon(self.again, [copy])

    def again(self, messages: Messages) -> None:
        self._copying = True
        for each in messages:
            address = Address(each.exchange, each.routing_key)
            self.broker.publish(address, each.body, each.properties, mandatory=False)
        self._copying = False


async def live(cloud: TestCloud, demo: JsonClient) -> None:
    """Some of each noun, and of most that is done with them; what was deleted, too. The matrix has uploads of volumes,
    whose bytes are many."""
    image, other = await an_image(demo, note="kept"), await an_image(demo)
    kept, root, data = [await a_volume(cloud, demo, imageRef=image) for _ in range(3)]
    for volume in (kept, data):
        body = {"snapshot": {"volume_id": volume, "force": True}}
        snapshot = (await demo.post("volume", SNAPSHOTS, json=body)).ok(202).json["snapshot"]["id"]
        await cloud.settle()
    (await demo.delete("volume", f"{SNAPSHOTS}/{snapshot}")).ok(202)
    backup = await a_backup(cloud, demo, kept)
    await restore(cloud, demo, backup["id"])
    (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
    await volume_action(demo, kept, "os-extend", {"new_size": 2})
    await cloud.settle()

    first = await a_server(cloud, demo, imageRef=image)
    second = await a_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    for volume in (data, kept):
        attachment = {"volumeAttachment": {"volumeId": volume}}
        (await demo.post("compute", f"{SERVERS}/{first}/os-volume_attachments", json=attachment)).ok(200)
        await cloud.settle()
    (await demo.delete("compute", f"{SERVERS}/{first}/os-volume_attachments/{data}")).ok(202)
    await cloud.settle()
    for server, action in (
        (first, {"createImage": {"name": "snapshot"}}),
        (second, {"createImage": {"name": "of-volumes"}}),
        (first, {"rebuild": {"imageRef": other}}),
        (first, {"resize": {"flavorRef": SMALL_FLAVOR}}),
        (first, {"confirmResize": None}),
        (first, {"os-stop": None}),
        (second, {"shelve": None}),
        (second, {"unshelve": None}),
    ):
        (await finish_action(cloud, demo, server, **action)).ok(202, 204)
    third = await a_server(cloud, demo, imageRef=image)
    (await demo.delete("compute", f"{SERVERS}/{third}")).ok(204)
    await cloud.settle()
    (await demo.delete("volume", f"{VOLUMES}/{data}")).ok(202)
    (await demo.delete("image", f"/v2/images/{other}")).ok(204)
    await cloud.settle()


def is_call(record: WireRecord) -> bool:
    return "_msg_id" in unwrap(record.body, record.properties)


def under_a_new_id(record: WireRecord) -> WireRecord:
    """As from a sender that does not know that it has sent it, or to another process: none has it among its latest."""
    payload = unwrap(record.body, record.properties)
    if "_unique_id" not in payload:
        return record
    return record._replace(body=wrap({**payload, "_unique_id": f"{random.getrandbits(128):032x}"}))


def as_they_were(messages: Messages) -> Messages:
    return messages


def under_new_ids(messages: Messages) -> Messages:
    return [under_a_new_id(each) for each in messages]


async def seen(cloud: TestCloud) -> dict[Any, Any]:
    """All rows, all files, and how often what was said."""
    found = dict(await dump_of(cloud, *ORDER)())
    for service in ORDER:
        for row in await cloud.rows(service, SAID, list(ASKED_AGAIN)):
            found[service, row["name"]] = row["n"]
    folder = Path(cloud.cloud.options.data_dir)
    return found | {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("restarted", [False, True], ids=["at_once", "after_a_restart"])
@pytest.mark.parametrize("of", [as_they_were, under_new_ids])
async def test_late_it_changes_nothing(a_cloud: ACloud, of: Callable[[Messages], Messages], restarted: bool) -> None:
    """But for calls: a broker forgets them when they are delivered, and nobody waits for the answer any more."""
    cloud = await a_cloud(settings={"compute": {"allow_resize_to_same_host": True}})
    demo, bus = await cloud.http(), Bus(cloud)
    await live(cloud, demo)
    published = of([each for each in bus.published if not is_call(each)])
    if restarted:
        for service in ORDER:
            await cloud.cloud.restart(service)
        await cloud.settle()
    before = await seen(cloud)
    bus.again(random.Random(1).sample(published, len(published)))
    await cloud.settle(SETTLE_SECONDS)
    now = await seen(cloud)
    changed = {str(key): (before.get(key), now.get(key)) for key in {*before, *now} if before.get(key) != now.get(key)}
    assert not changed, "\n".join(f"{key}: {was} -> {now}" for key, (was, now) in changed.items())


async def test_at_once_it_changes_nothing(a_cloud: ACloud) -> None:
    """Also calls, which a broker delivers again when it did not hear that they were received."""
    cloud = await a_cloud(settings={"compute": {"allow_resize_to_same_host": True}})
    demo, bus = await cloud.http(), Bus(cloud)
    counts = [await counted(cloud)]
    for bus.doubles in (False, True):
        await live(cloud, demo)
        counts.append(await counted(cloud))
    once, twice = ({key: after[key] - before.get(key, 0) for key in after} for before, after in pairwise(counts))
    assert once.keys() <= twice.keys()
    assert not [f"{key}: {once.get(key)} -> {more}" for key, more in twice.items() if once.get(key) != more]


async def counted(cloud: TestCloud) -> dict[Any, int]:
    """How many rows there are of everything, and how often what was said."""
    found: dict[Any, int] = {}
    for service in ORDER:
        for table in await cloud.rows(service, TABLES, [*UNSEEN, *UNCOUNTED]):
            [row] = await cloud.rows(service, f"SELECT count(*) AS n FROM {table['name']}")
            found[service, table["name"]] = row["n"]
        for row in await cloud.rows(service, SAID, list(ASKED_AGAIN)):
            found[service, row["name"]] = row["n"]
    return found
