"""Stories of each kind of fault, the same on either bus: what a user sees while a rule is set, and that all is well
when it is over.

A story gets a cloud with an admin port: the services in this process, or in processes of their own on RabbitMQ.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from stackwire.core.fault_rules import FaultMatch
from stackwire.testing.admin import AdminClient
from stackwire.testing.faults import Fault, Faults
from support.builders.images import a_queued_image, an_image, download_image, upload_image
from support.builders.volumes import VOLUMES, get_volume, request_volume
from support.cloud import JsonClient
from support.polling import until

STORY_SECONDS = 40.0
"""How long anything in a story may take on a loaded machine."""
LATE = 1.5
"""Seconds by which a fault delays what is to be overtaken."""


class CloudWithFaults:
    """``client``: of demo; ``admin``: of the admin port. ``restarted``: what a supervisor does when a service has died:
    nothing where the cloud does it itself. ``kinds``: of the rules that were set."""

    def __init__(
        self, client: JsonClient, admin: AdminClient, restarted: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self.client = client
        self._faults = Faults(admin)
        self._restarted = restarted
        self._volumes: list[str] = []
        self.kinds: set[str] = set()

    async def set(self, kind: str, **fields: Any) -> Fault:
        """A new rule: what it matches and its parameters by name; ``message`` is the error's of a fault of HTTP."""
        matched = FaultMatch.model_fields.keys() - ({"message"} if kind.startswith("http.") else set())
        match = {name: fields.pop(name) for name in list(fields) if name in matched}
        self.kinds.add(kind)
        return await asyncio.to_thread(lambda: self._faults.add(kind, match=match, **fields))

    async def clear(self) -> None:
        await asyncio.to_thread(self._faults.clear)

    async def has_happened(self, fault: Fault) -> None:
        """Returns when the rule has happened at least once."""

        async def hit() -> Any:
            return await hits(fault)

        await until(hit, STORY_SECONDS, interval=0.02)

    async def crashed(self, service: str) -> None:
        """After its death, the service is there again."""
        if self._restarted is not None:
            await self._restarted(service)

    async def volume(self, **fields: Any) -> str:
        """The id of a volume that is requested."""
        accepted = (await request_volume(self.client, name=f"v-{uuid4().hex[:8]}", **fields)).ok(202)
        self._volumes.append(str(accepted.json["volume"]["id"]))
        return self._volumes[-1]

    async def tidy(self) -> None:
        """Removes the rules, and the volumes but for those that wait for ever: there is a quota."""
        await self.clear()
        for volume in self._volumes:
            await self.client.delete("volume", f"{VOLUMES}/{volume}")
        self._volumes.clear()

    async def status(self, volume: str) -> str:
        return str((await get_volume(self.client, volume))["status"])

    async def becomes(self, volume: str, status: str) -> None:
        """Also while its service starts again."""

        async def is_so() -> Any:
            return await self._is(volume, status)

        await until(is_so, STORY_SECONDS, interval=0.05)

    async def _is(self, volume: str, status: str) -> bool:
        try:
            answer = await self.client.get("volume", f"{VOLUMES}/{volume}")
        except (aiohttp.ClientError, OSError):
            return False
        return answer.status == 200 and answer.json["volume"]["status"] == status


async def hits(fault: Fault) -> int:
    return await asyncio.to_thread(lambda: fault.hits)


async def state(fault: Fault) -> str:
    return await asyncio.to_thread(lambda: fault.state)


Story = Callable[[CloudWithFaults], Awaitable[None]]


async def a_list_is_refused_once(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("http.status", service="image", method="GET", path="/v2/images", status=503, count=1)
    assert (await cloud.client.get("image", "/v2/images")).status == 503
    (await cloud.client.get("image", "/v2/images")).ok(200)
    assert await state(fault) == "used up"


async def a_slow_answer_is_overtaken(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("http.delay", service="volume", operation="volumes.list*", seconds=LATE, count=1)
    slow = asyncio.create_task(cloud.client.get("volume", "/v3/{project_id}/volumes"))
    await cloud.has_happened(fault)
    (await cloud.client.get("volume", "/v3/{project_id}/volumes")).ok(200)
    assert not slow.done()
    (await slow).ok(200)


async def a_download_breaks_off_once(cloud: CloudWithFaults) -> None:
    data = b"0123456789" * 10_000
    image = await an_image(cloud.client, data)
    await cloud.set("http.cut", service="image", resource=image, path="*/file", after_bytes=1000, count=1)
    try:
        await download_image(cloud.client, image)
    except aiohttp.ClientPayloadError:
        pass
    else:
        raise AssertionError("the whole image came")
    assert await download_image(cloud.client, image) == data


async def a_lost_request_leaves_its_volume_creating(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("bus.drop", method="create_volume", message="cast", count=1)
    lost = await cloud.volume()
    await cloud.has_happened(fault)
    await cloud.becomes(await cloud.volume(), "available")
    assert await cloud.status(lost) == "creating"


async def a_late_request_is_overtaken(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("bus.delay", method="create_volume", message="cast", seconds=LATE, count=1)
    late = await cloud.volume()
    await cloud.has_happened(fault)
    await cloud.becomes(await cloud.volume(), "available")
    await cloud.becomes(late, "available")


async def a_request_that_arrives_twice_is_one(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("bus.duplicate", method="create_volume", message="cast")
    volume = await cloud.volume()
    await cloud.has_happened(fault)
    await cloud.becomes(volume, "available")


async def requests_in_another_order_are_all_served(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("bus.reorder", method="create_volume", message="cast")
    volumes = [await cloud.volume() for _ in range(3)]
    for volume in volumes:
        await cloud.becomes(volume, "available")
    assert await hits(fault) >= 3


async def a_service_without_a_bus_catches_up(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("bus.away", service="volume")
    volume = await cloud.volume()
    await cloud.has_happened(fault)
    assert await cloud.status(volume) == "creating"
    await cloud.clear()
    await cloud.becomes(volume, "available")


async def a_full_store_refuses_an_upload(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("store.full", service="image")
    image = await a_queued_image(cloud.client)
    assert (await upload_image(cloud.client, image, b"bytes")).status == 413
    assert await hits(fault) == 1
    await cloud.clear()
    (await upload_image(cloud.client, image, b"bytes")).ok(204)


async def a_full_back_end_fails_a_volume(cloud: CloudWithFaults) -> None:
    """It is scheduled again before, as to any back end that fails."""
    await cloud.set("store.full", service="volume", store="files")
    await cloud.becomes(await cloud.volume(), "error")
    await cloud.clear()
    await cloud.becomes(await cloud.volume(), "available")


async def a_slow_store_is_overtaken(cloud: CloudWithFaults) -> None:
    first, second = await an_image(cloud.client), await an_image(cloud.client)
    fault = await cloud.set("store.slow", service="image", resource=first, seconds=LATE)
    slow = asyncio.create_task(download_image(cloud.client, first))
    await cloud.has_happened(fault)
    await download_image(cloud.client, second)
    assert not slow.done()
    await slow


async def a_corrupt_store_gives_other_bytes(cloud: CloudWithFaults) -> None:
    image = await an_image(cloud.client, b"bytes")
    await cloud.set("store.corrupt", service="image", resource=image, count=1)
    assert await download_image(cloud.client, image) != b"bytes"
    assert await download_image(cloud.client, image) == b"bytes"


async def a_worker_that_dies_is_recovered_from(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("worker.crash", service="volume", point="after_commit:volume.create.start", count=1)
    volume = await cloud.volume()
    await cloud.has_happened(fault)
    await cloud.crashed("volume")
    await cloud.becomes(volume, "available")


async def a_frozen_worker_does_nothing_until_it_thaws(cloud: CloudWithFaults) -> None:
    fault = await cloud.set("worker.freeze", service="volume", method="create_volume")
    volume = await cloud.volume()
    await cloud.has_happened(fault)
    assert await cloud.status(volume) == "creating"
    await cloud.clear()
    await cloud.becomes(volume, "available")


STORIES: Mapping[str, tuple[Story, ...]] = {
    "http.status": (a_list_is_refused_once,),
    "http.delay": (a_slow_answer_is_overtaken,),
    "http.cut": (a_download_breaks_off_once,),
    "bus.drop": (a_lost_request_leaves_its_volume_creating,),
    "bus.delay": (a_late_request_is_overtaken,),
    "bus.duplicate": (a_request_that_arrives_twice_is_one,),
    "bus.reorder": (requests_in_another_order_are_all_served,),
    "bus.away": (a_service_without_a_bus_catches_up,),
    "store.full": (a_full_store_refuses_an_upload, a_full_back_end_fails_a_volume),
    "store.slow": (a_slow_store_is_overtaken,),
    "store.corrupt": (a_corrupt_store_gives_other_bytes,),
    "worker.crash": (a_worker_that_dies_is_recovered_from,),
    "worker.freeze": (a_frozen_worker_does_nothing_until_it_thaws,),
}


def told_of(kinds: Iterable[str]) -> list[Any]:
    """Parameters of a test: each story of these kinds."""
    return [pytest.param(kind, story, id=story.__name__) for kind in kinds for story in STORIES[kind]]
