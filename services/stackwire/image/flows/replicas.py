"""Many images like one, for a cloud that is to be busy: rows by set, and a name for each of the one object's bytes."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stackwire.db.pool import Database
from stackwire.db.replicas import replicate


async def replicate_image(
    database: Database, folders: Sequence[Path], image_id: str, texts: Mapping[str, Sequence[str]]
) -> None:
    """``folders``: of the stores; ``texts``: what is another in each copy, the id first of all."""
    await asyncio.gather(
        asyncio.to_thread(_link, folders, image_id, texts[image_id]), _copy_rows(database, image_id, texts)
    )


async def _copy_rows(database: Database, image_id: str, texts: Mapping[str, Sequence[str]]) -> None:
    async with database.transaction() as session:
        await replicate(session, "images", texts, id=image_id)
        for table in ("image_properties", "image_tags", "image_locations"):
            await replicate(session, table, texts, image_id=image_id)


def _link(folders: Sequence[Path], image_id: str, ids: Sequence[str]) -> None:
    for source in (source for folder in folders for source in folder.glob(f"{image_id}.*")):
        for id in ids:
            os.link(source, source.with_name(source.name.replace(image_id, id)))
