"""The states of one cloud: ``reset`` to its beginning.

A reset ends the cloud's timeline (``core/timeline.py``): requests, messages, sweeps and what they have begun are
cancelled, messages that wait are dropped, rows and files are put back, and only then is anything served again.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import orjson

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.states import copying
from stackwire.core.errors import Conflict
from stackwire.core.ids import IDS
from stackwire.disk_image import folder_copy

BEGINNING = ".beginning"
TRACE = "trace"
RESOURCES = {
    "image": ("images", "tasks"),
    "volume": ("volumes", "snapshots", "backups", "groups"),
    "compute": ("instances", "aggregates", "key_pairs"),
}
"""Tables that are empty in a new cloud."""


class NoBeginning(Conflict):
    """The cloud's beginning is not known: its database was in use before the folder {folder} was."""


class States:
    """``folder``: where states lie; the beginning is one of them."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()
        self._stamps: copying.Stamps = {}
        self._pace = cloud.pace.name, cloud.pace.seconds
        self._removing: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """What the cloud is now is its beginning, if it is new; one that is not keeps the beginning it had.

        To be called when it has started and is seeded.
        """
        for folder, _ in copying.folders(self._cloud):
            await asyncio.to_thread(folder_copy.remove_remains, folder)
        if not await self._has_beginning():
            shutil.rmtree(self._folder / BEGINNING, ignore_errors=True)
            if await self._is_new():
                await self.mark()

    async def mark(self) -> None:
        """What the cloud is now is its beginning, whatever it was."""
        async with self._one_at_a_time:
            await self._cloud.settle()
            path, partial = self._folder / BEGINNING, self._folder / f"{BEGINNING}.part"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            await copying.save(self._cloud, partial)
            manifest = {"created_at": await self._created_at(), "ids": IDS.counts()}
            (partial / "state.json").write_bytes(orjson.dumps(manifest))
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
            for folder, _ in copying.folders(self._cloud):
                self._stamps[folder] = await asyncio.to_thread(folder_copy.files_in, folder)

    async def reset(self) -> None:
        """The cloud is as it was at its beginning, and does nothing more of what it was doing.

        Faults, pace, answers in place of services and the clock are as at the beginning, too; seeded ids begin again.
        Requests under way are answered 503; those that come meanwhile wait. Tokens stay valid where no user, project or
        role has changed. Raises NoBeginning, BusUnavailable, DatabaseUnavailable.
        """
        async with self._one_at_a_time:
            if not self._stamps and not await self._has_beginning():
                raise NoBeginning(folder=self._folder)
            await self._replace(self._folder / BEGINNING, self._stamps)

    async def close(self) -> None:
        """Waits until what was replaced is removed."""
        await asyncio.gather(*self._removing)

    # -- parts

    async def _replace(self, source: Path, stamps: copying.Stamps) -> None:
        await self._cloud.restarted()
        services: dict[str, Any] = {**self._cloud.services}
        tracer = services.pop(TRACE, None)
        parts = [*services.values(), *([] if tracer is None else [tracer])]
        await asyncio.gather(*(part.suspend() for part in parts))
        try:
            await self._end_direction()
            _, remains = await asyncio.gather(
                self._drain(services, tracer), copying.restore(self._cloud, source, stamps)
            )
            IDS.restart(counts=orjson.loads((source / "state.json").read_bytes())["ids"])
        finally:
            await asyncio.gather(*(part.resume() for part in parts))
        task = asyncio.create_task(asyncio.to_thread(folder_copy.remove_all, *remains))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def _end_direction(self) -> None:
        """What a test has set: faults, pace, answers in place of services, the clock."""
        cloud = self._cloud
        if cloud.faults is not None:
            cloud.faults.clear()
        cloud.stand_ins.clear()
        cloud.pace.set(*self._pace)
        await cloud.clock.reset()

    async def _drain(self, services: dict[str, Any], tracer: Any) -> None:
        """The tracer last: it receives something of all the others."""
        await asyncio.gather(*(service.drain() for service in services.values()))
        if tracer is not None:
            await tracer.drain()

    async def _created_at(self) -> str:
        return await copying.schemas(self._cloud)["identity"].created_at()

    async def _has_beginning(self) -> bool:
        """Whether it is one of this database, and of these schemas."""
        path = self._folder / BEGINNING
        try:
            created_at = orjson.loads((path / "state.json").read_bytes())["created_at"]
            await copying.check(self._cloud, BEGINNING, path)
        except (OSError, ValueError, KeyError, copying.OtherSchema):
            return False
        return bool(created_at == await self._created_at())

    async def _is_new(self) -> bool:
        rows = copying.schemas(self._cloud)
        for service, tables in RESOURCES.items():
            if service in rows:
                found = await rows[service].contents()
                if any(found[table].rows for table in tables):
                    return False
        return True
