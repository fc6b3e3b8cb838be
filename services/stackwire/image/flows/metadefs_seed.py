"""The catalogue: definitions of the properties OpenStack itself knows, given to a new cloud once.

What was given belongs to the operator: neither a change nor a deletion is ever undone by a later start.
"""

import asyncio
import tomllib
from pathlib import Path

from stackwire.core.context import system_context
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import metadef_items as item_rows
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs_requests import NamespaceWish

OWNER = "admin"
RESOURCE_TYPES = (
    "OS::Glance::Image", "OS::Cinder::Volume", "OS::Nova::Flavor", "OS::Nova::Aggregate", "OS::Nova::Server",
    "OS::Trove::Instance",
)  # fmt: skip


def read_catalogue(files: list[Path]) -> dict[str, NamespaceWish]:
    """By the names of the files; public, protected, the admin's. Blocks."""
    common = {"visibility": "public", "protected": True, "owner": OWNER}
    return {
        file.stem: NamespaceWish.model_validate({**common, **tomllib.loads(file.read_text("utf-8"))}) for file in files
    }


async def seed(database: Database, folder: Path) -> None:
    """Gives what was not given yet. Several processes may do so at once: each namespace is given by one of them."""
    files = await asyncio.to_thread(lambda: sorted(folder.glob("*.toml")))
    async with database.read() as db:
        known = await rows.given(db)
    fresh = [file for file in files if file.stem not in known]
    if not fresh:
        return
    wishes = await asyncio.to_thread(read_catalogue, fresh)
    async with database.work(system_context("image")) as uow:
        await rows.lock_names(uow)
        await rows.add_types(uow, list(RESOURCE_TYPES), protected=True)
        for name, wish in wishes.items():
            if await rows.try_give(uow, name):
                await _give(uow, wish)


async def _give(uow: UnitOfWork, wish: NamespaceWish) -> None:
    """A namespace of that name which is there already stays as it is."""
    namespace = await rows.try_insert(uow, wish.row(OWNER))
    if namespace is None:
        return
    for each in wish.resource_type_associations:
        await rows.try_associate(uow, namespace.id, each.name, each.prefix, each.properties_target)
    await item_rows.insert(uow, namespace.id, wish.items())
