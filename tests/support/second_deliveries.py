"""Messages that are delivered a second time: published twice, or again when all is done; and what is compared then."""

import asyncio
import random
from pathlib import Path
from typing import Any

from stackwire.cloud.options import ORDER
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.transport import Address, WireRecord
from support.cloud import TestCloud
from support.isolation import UNSEEN, dump_of

ASKED_AGAIN = (
    "scheduler.select_destinations.start", "scheduler.select_destinations.end", "host.selected",
    "compute.instance.rebuild.scheduled", "instance.rebuild_scheduled",
)  # fmt: skip
"""What is said by who changes no row, and is asked once more: no row says that it was said."""
SAID_OF_CALLS = ("image.update",)
"""By an update that changes nothing, too, as in Glance."""
UNCOUNTED = ("quota_usages", "resize_claims", "allocation_sums")
"""Rows of a project; claims that lie there until the next; sums, of which the next claim makes one row."""
TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> ALL($1)"
SAID = "SELECT name, count(*) AS n FROM outbox WHERE kind = 'notify' AND name <> ALL($1) GROUP BY 1 ORDER BY 1"
SETTLE_SECONDS = 120.0
"""Everything is asked for at once."""
Messages = list[WireRecord]


class Bus:
    """What was published on the bus of a cloud, but for replies: their callers are named in them.

    ``doubles``: it is published twice, under two ids, so that both are handled. ``answers``: the failures of each call,
    or None, by its id.
    """

    def __init__(self, cloud: TestCloud) -> None:
        assert cloud.cloud.broker is not None
        self.broker = cloud.cloud.broker
        self.published: Messages = []
        self.answers: dict[str, list[Any]] = {}
        self.doubles = self._copying = False
        self.broker.watch(self._see)

    def _see(self, record: WireRecord) -> None:
        if record.kind == "publish" and not record.exchange:
            answer = unwrap(record.body, record.properties)
            if answer.get("ending") or answer.get("failure"):
                self.answers.setdefault(answer["_msg_id"], []).append(answer["failure"])
        if record.kind == "publish" and record.exchange and not self._copying:
            self.published.append(record)
            if self.doubles:
                asyncio.get_running_loop().call_soon(self.again, [under_a_new_id(record)])

    def again(self, messages: Messages) -> None:
        self._copying = True
        for each in messages:
            address = Address(each.exchange, each.routing_key)
            self.broker.publish(address, each.body, each.properties, mandatory=False)
        self._copying = False

    def methods(self) -> set[str]:
        """Of the calls."""
        return {unwrap(each.body, each.properties)["method"] for each in self.published if is_call(each)}

    def quarrels(self) -> list[str]:
        """Calls that were answered both with a failure and with success: either may reach the caller.

        But for one that chooses hosts: refused is only what comes when the server is on its host, which it is because
        the caller has had the first answer.
        """
        calls = [unwrap(each.body, each.properties) for each in self.published if is_call(each)]
        methods = {call["_msg_id"]: call["method"] for call in calls}
        return [
            f"{methods.get(id, id)}: {next(filter(None, answers))}"
            for id, answers in self.answers.items()
            if any(answers) and not all(answers) and methods.get(id) != "select_destinations"
        ]


def is_call(record: WireRecord) -> bool:
    return "_msg_id" in unwrap(record.body, record.properties)


def under_a_new_id(record: WireRecord) -> WireRecord:
    """As from a sender that does not know that it has sent it, or to another process: none has it among its latest."""
    payload = unwrap(record.body, record.properties)
    if "_unique_id" not in payload:
        return record
    return record._replace(body=wrap({**payload, "_unique_id": f"{random.getrandbits(128):032x}"}))


async def seen(cloud: TestCloud) -> dict[Any, Any]:
    """All rows, all files, and how often what was said."""
    found = dict(await dump_of(cloud, *ORDER)())
    for service in ORDER:
        for row in await cloud.rows(service, SAID, list(ASKED_AGAIN)):
            found[service, row["name"]] = row["n"]
    folder = Path(cloud.cloud.options.data_dir)
    return found | {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


async def check_again(cloud: TestCloud, bus: Bus, published: Messages, *, apart: str = "") -> None:
    """Nothing is another after they were published once more, in another order; ``apart``: but for files of a name."""
    before = await seen(cloud)
    bus.again(random.Random(1).sample(published, len(published)))
    await cloud.settle(SETTLE_SECONDS)
    now = await seen(cloud)
    changed = {str(key): (before.get(key), now.get(key)) for key in {*before, *now} if before.get(key) != now.get(key)}
    changed = {key: values for key, values in changed.items() if not apart or not key.endswith(apart)}
    assert not changed, "\n".join(f"{key}: {was} -> {now}" for key, (was, now) in changed.items())


async def counted(cloud: TestCloud) -> dict[Any, int]:
    """How many rows there are of everything, and how often what was said."""
    found: dict[Any, int] = {}
    for service in ORDER:
        for table in await cloud.rows(service, TABLES, [*UNSEEN, *UNCOUNTED]):
            [row] = await cloud.rows(service, f"SELECT count(*) AS n FROM {table['name']}")
            found[service, table["name"]] = row["n"]
        for row in await cloud.rows(service, SAID, [*ASKED_AGAIN, *SAID_OF_CALLS]):
            found[service, row["name"]] = row["n"]
    return found
