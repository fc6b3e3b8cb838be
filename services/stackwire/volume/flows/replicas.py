"""Many volumes like one, for a cloud that is to be busy: rows by set, a sparse file each, the quota counted up."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stackwire.db.pool import Database
from stackwire.db.replicas import replicate
from stackwire.disk_image import sparse_files


async def replicate_volume(
    database: Database, folders: Sequence[Path], volume_id: str, texts: Mapping[str, Sequence[str]]
) -> None:
    """A volume that is the only one of its project, with its attachments. ``folders``: of the back ends."""
    ids = texts[volume_id]
    await asyncio.gather(
        asyncio.to_thread(_copy, folders, volume_id, ids), _copy_rows(database, volume_id, texts, len(ids) + 1)
    )


async def _copy_rows(database: Database, volume_id: str, texts: Mapping[str, Sequence[str]], count: int) -> None:
    async with database.transaction() as session:
        await replicate(session, "volumes", texts, id=volume_id)
        for table in ("volume_glance_metadata", "volume_attachment"):
            await replicate(session, table, texts, volume_id=volume_id)
        await session.execute(
            "UPDATE quota_usages SET in_use = in_use * $2"
            " WHERE project_id = (SELECT project_id FROM volumes WHERE id = $1)",
            volume_id,
            count,
        )


def _copy(folders: Sequence[Path], volume_id: str, ids: Sequence[str]) -> None:
    name = f"volume-{volume_id}"
    for folder in (folder for folder in folders if (folder / name).exists()):
        with sparse_files.open_file(folder / name, os.O_RDONLY) as source:
            size = os.fstat(source).st_size
            data = [(at, os.pread(source, length, at)) for at, length in sparse_files.extents_of(source, size)]
        for id in ids:
            with sparse_files.open_file(folder / f"volume-{id}", os.O_WRONLY | os.O_CREAT) as target:
                for at, piece in data:
                    os.pwrite(target, piece, at)
                os.ftruncate(target, size)
