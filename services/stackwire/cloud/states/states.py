"""The states of one cloud: ``reset`` to its beginning, ``save`` and ``load`` under a name.

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
from stackwire.cloud.states.folder import FORMAT, MANIFEST, StateExists, StateFolder, manifest
from stackwire.cloud.states.presets import PresetName, apply_preset
from stackwire.cloud.states.seed_document import SeedDocument
from stackwire.cloud.states.seeding import apply_seed
from stackwire.cloud.version import version
from stackwire.core.errors import Conflict
from stackwire.core.ids import IDS
from stackwire.disk_image import folder_copy

BEGINNING = ".beginning"
ATTEMPTS = 5
"""To find a moment at which nothing is under way."""
SAVE_TIMEOUT_SECONDS = 60.0
TRACE = "trace"
RESOURCES = {
    "image": ("images", "tasks"),
    "volume": ("volumes", "snapshots", "backups", "groups"),
    "compute": ("instances", "aggregates", "key_pairs"),
}
"""Tables that are empty in a new cloud."""


class NoBeginning(Conflict):
    """The cloud's beginning is not known: its database was in use before the folder {folder} was."""


class CloudBusy(Conflict):
    """The cloud does not finish what it is doing."""


class StateIncomplete(Conflict):
    """A state cannot hold what lies in {places}."""


class States:
    """``folder``: where states lie; the beginning is one of them."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self._states = StateFolder(folder)
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
            shutil.rmtree(self._states.path / BEGINNING, ignore_errors=True)
            if await self.is_new():
                await self.mark()

    async def mark(self) -> None:
        """What the cloud is now is its beginning, whatever it was."""
        async with self._one_at_a_time:
            await self._cloud.settle()
            with self._states.incoming(self._states.path / BEGINNING) as partial:
                await self._write(BEGINNING, partial)
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
                raise NoBeginning(folder=self._states.path)
            await self._replace(self._states.path / BEGINNING, self._stamps)

    async def save(self, name: str, *, replace: bool = False) -> dict[str, Any]:
        """Saves what the cloud is when its work is done, and answers what the state says of itself.

        Raises NoStateName, StateExists unless it is to be replaced, StateIncomplete, and CloudBusy when the work
        does not end.
        """
        async with self._one_at_a_time:
            path = self._states.at(name)
            if path.exists() and not replace:
                raise StateExists(name=name)
            if elsewhere := copying.elsewhere(self._cloud):
                raise StateIncomplete(places=", ".join(elsewhere))
            await self._hold()
            try:
                with self._states.incoming(path) as partial:
                    return await self._write(name, partial)
            finally:
                for service in self._services():
                    service.release()

    async def load(self, name: str) -> dict[str, Any]:
        """The cloud is as it was saved. What it was doing ends, as with a reset; its beginning stays the same.

        Raises NoSuchState, OtherSchema.
        """
        async with self._one_at_a_time:
            path = self._states.existing(name)
            found = await asyncio.to_thread(manifest, path)
            await copying.check(self._cloud, name, path)
            await self._replace(path, {})
            return found

    async def seed(self, document: SeedDocument) -> dict[str, int]:
        """Creates what is missing of it, and answers how much of each kind that was. Raises SeedRefused."""
        async with self._one_at_a_time:
            return await apply_seed(self._cloud, document)

    async def apply_preset(self, name: PresetName, count: int) -> dict[str, int]:
        """The same for a preset, of which ``busy`` has ``count`` of each. Raises SeedRefused."""
        async with self._one_at_a_time:
            return await apply_preset(self._cloud, name, count)

    async def saved(self) -> list[dict[str, Any]]:
        """What each saved state says of itself."""
        return await asyncio.to_thread(self._states.manifests)

    async def delete(self, name: str) -> None:
        """Raises NoSuchState."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._states.delete, name)

    async def close(self) -> None:
        """Waits until what was replaced is removed."""
        await asyncio.gather(*self._removing)

    # -- parts

    def _services(self) -> list[Any]:
        return list(self._cloud.services.values())

    async def _hold(self) -> None:
        """Returns when nothing is under way, and nothing begins. Raises CloudBusy."""
        for _ in range(ATTEMPTS):
            try:
                await self._cloud.settle(SAVE_TIMEOUT_SECONDS)
            except TimeoutError as error:
                raise CloudBusy from error
            ended = await asyncio.gather(*(service.hold() for service in self._services()))
            if all(ended) and await self._cloud.is_idle():
                return
            for service in self._services():
                service.release()
        raise CloudBusy

    async def _write(self, name: str, folder: Path) -> dict[str, Any]:
        found = {
            "format": FORMAT,
            "name": name,
            "saved_at": self._cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "version": version(),
            "created_at": await self._created_at(),
            "rows": await copying.save(self._cloud, folder),
            "ids": IDS.counts(),
        }
        (folder / MANIFEST).write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return found

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
            IDS.restart(counts=manifest(source)["ids"])
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
        path = self._states.path / BEGINNING
        try:
            created_at = manifest(path)["created_at"]
            await copying.check(self._cloud, BEGINNING, path)
        except (OSError, ValueError, KeyError, copying.OtherSchema):
            return False
        return bool(created_at == await self._created_at())

    async def is_new(self) -> bool:
        """Whether nothing was created in it yet."""
        rows = copying.schemas(self._cloud)
        for service, tables in RESOURCES.items():
            if service in rows:
                found = await rows[service].contents()
                if any(found[table].rows for table in tables):
                    return False
        return True
