"""A whole cloud into a folder and back: rows of every schema, files of every service.

``rows/<service>/`` is a schema (``db/schema_copy.py``), ``files/<service>/<folder>/`` a folder of the service. Each
service says itself what belongs to it (``runtime/service.py: Kept``).
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import REGISTRY
from stackwire.core.errors import Conflict
from stackwire.db.schema_copy import Rows, SchemaCopy, compare_steps
from stackwire.disk_image import folder_copy
from stackwire.disk_image.folder_copy import Stamp
from stackwire.runtime.kept import Restored

IDENTITY = "identity"
Stamps = dict[Path, dict[str, Stamp]]
"""Of each folder, what its files are since they were put back."""


class OtherSchema(Conflict):
    """The state {name} is of another version of Stackwire: in the schema {service}, {reason}."""


def schemas(cloud: Cloud) -> dict[str, Rows]:
    """By service; glance-registry works in the image service's."""
    found: dict[str, Rows] = {}
    for name, service in _services(cloud).items():
        if name != REGISTRY and service.rows is not None:
            found[name] = service.rows
    return found


def folders(cloud: Cloud) -> Iterator[tuple[Path, Path]]:
    """Each folder of files, and its path in a state."""
    for name, service in _services(cloud).items():
        for key, folder in service.kept.folders.items():
            yield folder, Path("files", name, key)


def elsewhere(cloud: Cloud) -> list[str]:
    """What a state cannot hold."""
    return [place for service in _services(cloud).values() for place in service.kept.elsewhere]


async def save(cloud: Cloud, target: Path) -> dict[str, dict[str, int]]:
    """Everything into ``target``, which exists and is empty; nothing may be under way. The rows of each table."""
    for service in _services(cloud).values():
        await service.kept.flush()
    rows = schemas(cloud)
    for name in rows:
        (target / "rows" / name).mkdir(parents=True)
    copies = await asyncio.gather(*(each.save(target / "rows" / name) for name, each in rows.items()))
    for folder, path in folders(cloud):
        await asyncio.to_thread(folder_copy.copy_folder, folder, target / path)
    return {
        name: {table: content.rows for table, content in copy.tables.items()}
        for name, copy in zip(rows, copies, strict=True)
    }


async def check(cloud: Cloud, name: str, source: Path) -> None:
    """Raises OtherSchema when the rows of a state do not fit into the cloud's schemas."""
    for service, rows in schemas(cloud).items():
        copy = read(source, service)
        if copy is not None and (reason := compare_steps(copy.steps, await rows.steps())):
            raise OtherSchema(name=name, service=service, reason=reason)


def read(source: Path, service: str) -> SchemaCopy | None:
    """What a state has of a service's schema; None: nothing, because the service did not run."""
    try:
        return SchemaCopy.read(source / "rows" / service)
    except FileNotFoundError:
        return None


async def restore(cloud: Cloud, source: Path, stamps: Stamps) -> list[Path]:
    """Everything as it is in ``source``, in a cloud that is suspended; answers folders that are to be removed.

    ``stamps`` are those of the files that ``source`` was put back as the last time, and are renewed.
    """
    changed, remains = await asyncio.gather(_restore_rows(cloud, source), _restore_files(cloud, source, stamps))
    restored = Restored(at=cloud.clock.now(), tokens_ended=bool(changed.get(IDENTITY)))
    await asyncio.gather(*(service.kept.restored(restored) for service in _services(cloud).values()))
    return remains


async def _restore_rows(cloud: Cloud, source: Path) -> dict[str, set[str]]:
    rows = schemas(cloud)
    nothing = SchemaCopy(steps={}, tables={}, sequences={})
    changed = await asyncio.gather(
        *(each.restore(source / "rows" / name, read(source, name) or nothing) for name, each in rows.items())
    )
    return dict(zip(rows, changed, strict=True))


async def _restore_files(cloud: Cloud, source: Path, stamps: Stamps) -> list[Path]:
    def put_all_back() -> list[Path]:
        remains = []
        for folder, path in folders(cloud):
            stamps[folder], aside = folder_copy.put_back(source / path, folder, stamps.get(folder, {}))
            remains += [] if aside is None else [aside]
        return remains

    return await asyncio.to_thread(put_all_back)


def _services(cloud: Cloud) -> Mapping[str, Any]:
    """Services, and the tracer, which is one in all that matters here."""
    return cloud.services
