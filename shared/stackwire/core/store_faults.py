"""Faults of one store of bytes: full, slow, corrupt."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from stackwire.core.faults import NO_FAULTS, Fault, Faults

D = TypeVar("D", bound=bytes | memoryview)


@dataclass(slots=True)
class StoreFault:
    """What happens to one object that is read or written. ``pause``: seconds that each chunk takes more."""

    is_full: bool = False
    is_corrupt: bool = False
    pause: float = 0.0

    async def chunk(self, data: D) -> D | bytes:
        """The chunk as it is read or written, later."""
        if self.pause:
            await asyncio.sleep(self.pause)
        if self.is_corrupt and data:
            self.is_corrupt = False
            return bytes((data[0] ^ 0xFF,)) + data[1:]
        return data


class StoreFaults:
    """Those of the store ``name`` of a service."""

    def __init__(self, faults: Faults = NO_FAULTS, name: str = "") -> None:
        self._faults = faults
        self._name = name

    async def reading(self, resource: str) -> StoreFault | None:
        """None where nothing is to happen."""
        return await self._begin(resource, "store.slow", "store.corrupt") if self._faults.rules else None

    async def writing(self, resource: str) -> StoreFault | None:
        """None where nothing is to happen."""
        return await self._begin(resource, "store.slow", "store.full") if self._faults.rules else None

    async def _begin(self, resource: str, *kinds: str) -> StoreFault | None:
        facts = {"store": self._name, "resource": resource}
        found = await self._faults.all("store", facts, f"{self._name} {resource}", kinds=kinds)
        return _together(found) if found else None


def _together(faults: list[Fault]) -> StoreFault:
    kinds = {fault.rule.kind for fault in faults}
    pause = sum(fault.rule.seconds or 0.0 for fault in faults)
    return StoreFault("store.full" in kinds, "store.corrupt" in kinds, pause)


NO_STORE_FAULTS = StoreFaults()
