"""What several clients did to the same cloud while things broke, and whether what they were told is true of its end.

Each operation is *ok* (an answer of 2xx), *failed* (4xx, and 503: it changed nothing) or *unknown* (any other 5xx, or
no answer: it took effect or not). The checkers are those of Jepsen's tests: set, register, lost update; queue and bank
are ``invariants.py`` and the audit of notifications.
"""

import asyncio
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from support.cloud import Answer
from support.matrix.stack import Stack
from support.polling import pass_time
from support.retrying_client import unique, volume_path

Outcome = Literal["ok", "failed", "unknown"]
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
SERVICES = ("identity", "image", "volume", "compute")


RECOVERY_SECONDS = 0.5
"""After a fault, until reads are again as they were."""


def percentile(seconds: Sequence[float], part: float) -> float:
    """In milliseconds; of nothing 0."""
    return sorted(seconds)[int((len(seconds) - 1) * part)] * 1000 if seconds else 0.0


def outcome(answer: Answer | None) -> Outcome:
    if answer is None or (answer.status >= 500 and answer.status != 503):
        return "unknown"
    return "ok" if answer.status < 300 else "failed"


@dataclass
class History:
    """What clients know. ``keys``: of the shared image's properties; ``volumes``: by name; ``statuses``: of images."""

    keys: dict[str, Outcome] = field(default_factory=dict)
    volumes: dict[str, Outcome] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, Outcome] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[Outcome, int] = field(default_factory=lambda: defaultdict(int))
    seconds: list[float] = field(default_factory=list)
    """How long each answer of 2xx took."""
    reads: list[tuple[float, float]] = field(default_factory=list)
    """When each read that was answered 2xx began and ended."""
    faults: list[tuple[float, float]] = field(default_factory=list)
    """And each fault."""

    def percentile(self, part: float) -> float:
        """In milliseconds."""
        return percentile(self.seconds, part)

    def quiet(self) -> list[float]:
        """How long reads took in which nothing broke, nor had broken a moment before."""
        return [
            end - begin
            for begin, end in self.reads
            if not any(
                begin < fault_end + RECOVERY_SECONDS and fault_begin < end for fault_begin, fault_end in self.faults
            )
        ]

    def note(self, answer: Answer | None) -> Outcome:
        self.counts[outcome(answer)] += 1
        return outcome(answer)


class Clients:
    """As many as ``count``, each of which does one thing after another until ``stop`` is set."""

    def __init__(self, stack: Stack, chance: random.Random, count: int) -> None:
        self.history = History()
        self.stop = asyncio.Event()
        self._stack = stack
        self._client = stack.cloud.client
        self._chance = chance
        self._count = count

    async def run(self) -> History:
        """Everything that was done, once ``stop`` is set and each has ended what it had begun."""
        image = await self._stack.cloud.image(unique("history"))
        self.image = image
        kinds = (self._patch, self._create_or_delete, self._upload)
        await asyncio.gather(*(self._loop(number, kinds) for number in range(self._count)))
        return self.history

    async def _try(self, method: str, service: str, path: str, **kwargs: Any) -> Answer | None:
        begun = time.monotonic()
        answer = await self._client.try_once(method, service, path, **kwargs)
        if outcome(answer) == "ok":
            ended = time.monotonic()
            self.history.seconds.append(ended - begun)
            if method == "GET":
                self.history.reads.append((begun, ended))
        return answer

    async def _loop(self, number: int, kinds: Any) -> None:
        step = 0
        while not self.stop.is_set():
            await self._chance.choice(kinds)(f"c{number}_{step}")
            step += 1

    async def _patch(self, key: str) -> None:
        """All of them add properties to one image, each its own."""
        body = [{"op": "add", "path": f"/{key}", "value": key}]
        answer = await self._try("PATCH", "image", f"/v2/images/{self.image}", json=body, headers=PATCH)
        self.history.keys[key] = self.history.note(answer)

    async def _create_or_delete(self, key: str) -> None:
        kept = [name for name in self.history.ids if name not in self.history.deleted]
        if len(kept) > self._count:
            await self._delete(self._chance.choice(kept))
            return
        body = {"volume": {"name": f"{self.image}-{key}", "size": 1}}
        answer = await self._try("POST", "volume", "/v3/{project_id}/volumes", json=body)
        name = body["volume"]["name"]
        self.history.volumes[str(name)] = self.history.note(answer)
        if answer is not None and answer.status == 202:
            self.history.ids[str(name)] = answer.json["volume"]["id"]

    async def _delete(self, name: str) -> None:
        answer = await self._try("DELETE", "volume", volume_path(self.history.ids[name]))
        known = self.history.note(answer)
        if known != "failed" or (answer is not None and answer.status == 404):
            self.history.deleted[name] = known

    async def _upload(self, key: str) -> None:
        """An image whose status is read until it is active or the client gives up."""
        body = {"name": key, "disk_format": "raw", "container_format": "bare"}
        answer = await self._try("POST", "image", "/v2/images", json=body)
        if self.history.note(answer) != "ok" or answer is None:
            return
        path = f"/v2/images/{answer.json['id']}"
        sending = asyncio.create_task(
            self._try(
                "PUT",
                "image",
                f"{path}/file",
                data=bytes(100_000),
                headers={"Content-Type": "application/octet-stream"},
            )
        )
        while True:
            done = sending.done()
            read = await self._try("GET", "image", path)
            if read is not None and read.status == 200:
                self.history.statuses[path].append(read.json["status"])
            if done:
                break
            await pass_time(0.02)
        self.history.note(await sending)


async def break_things(stack: Stack, chance: random.Random, seconds: float, history: History) -> list[str]:
    """One thing after another, for so long; what was broken. Everything runs again when it returns."""
    broken = []
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        await pass_time(chance.uniform(0.5, 2.0))
        what = chance.choice(("rabbit", "postgres", "replies", "freeze", "kill", "kill"))
        service = chance.choice(SERVICES)
        broken.append(f"{what} {service}" if what in ("freeze", "kill") else what)
        begun = time.monotonic()
        if what == "rabbit":
            await stack.keep_queues()
            await stack.crash_rabbit()
        elif what == "postgres":
            await stack.crash_postgres()
        elif what == "replies":
            await stack.delete_reply_queues()
        elif what == "freeze":
            stack.freeze(service)
            await pass_time(chance.uniform(0.5, 4.0))
            stack.thaw(service)
        else:
            await stack.groups.kill(service, chance)
        history.faults.append((begun, time.monotonic()))
    return broken


async def check(stack: Stack, clients: Clients) -> None:
    """Everything that clients were told is true at the end. Fails with what is not."""
    history = clients.history
    found = (await stack.cloud.client.get("image", f"/v2/images/{clients.image}")).json
    lost = [key for key, known in history.keys.items() if known == "ok" and found.get(key) != key]
    extra = [key for key, known in history.keys.items() if known == "failed" and key in found]
    assert (lost, extra) == ([], []), "updates of one image that are lost, or were refused and took effect"

    listed: list[dict[str, Any]] = []
    path = f"/v3/{{project_id}}/volumes/detail?limit=1000&name~={clients.image}"
    listed = (await stack.cloud.client.get("volume", path)).json["volumes"]
    names = {each["name"] for each in listed}
    lost = [name for name, known in history.volumes.items() if known == "ok" and name not in {*names, *history.deleted}]
    extra = [name for name, known in history.volumes.items() if known == "failed" and name in names]
    returned = [name for name, known in history.deleted.items() if known == "ok" and name in names]
    assert (lost, extra, returned) == ([], [], []), "volumes lost, refused and there, or deleted and there"

    for path, statuses in history.statuses.items():
        letters = "".join(status[0] for status in statuses)  # q(ueued), s(aving), a(ctive)
        assert re.fullmatch("[qs]*a*", letters), (path, statuses)
