"""The catalogue: definitions of the properties OpenStack itself knows, loaded into a new cloud once.

What was loaded belongs to the operator: neither a change nor a deletion is ever undone by a later start.
Source: ``glance/db/sqlalchemy/metadata.py: db_load_metadefs``.
"""

import asyncio
import tomllib
from pathlib import Path

from stackwire.core.context import system_context
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import metadef_items as item_rows
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs_requests import NamespaceRequest

CATALOGUE_OWNER = "admin"
RESOURCE_TYPES = (
    *("OS::Glance::Image", "OS::Cinder::Volume"),
    *("OS::Nova::Flavor", "OS::Nova::Aggregate", "OS::Nova::Server"),
    "OS::Trove::Instance",
)


def read_catalogue(files: list[Path]) -> dict[str, NamespaceRequest]:
    """By the names of the files; public, protected, the admin's. Blocks."""
    common = {"visibility": "public", "protected": True, "owner": CATALOGUE_OWNER}
    return {
        file.stem: NamespaceRequest.model_validate({**common, **tomllib.loads(file.read_text("utf-8"))})
        for file in files
    }


async def seed(database: Database, folder: Path) -> None:
    """Loads what was not loaded yet. Several processes may do so at once: each namespace is loaded by one of them."""
    files = await asyncio.to_thread(lambda: sorted(folder.glob("*.toml")))
    async with database.read() as db:
        known = await rows.seeded(db)
    fresh = [file for file in files if file.stem not in known]
    if not fresh:
        return
    requests = await asyncio.to_thread(read_catalogue, fresh)
    async with database.work(system_context("image")) as uow:
        await rows.lock_names(uow)
        await rows.add_resource_types(uow, list(RESOURCE_TYPES), protected=True)
        for name, request in requests.items():
            if await rows.try_mark_seeded(uow, name):
                await _load(uow, request)


async def _load(uow: UnitOfWork, request: NamespaceRequest) -> None:
    """A namespace of that name which exists already stays as it is."""
    namespace = await rows.try_insert(uow, request.row(CATALOGUE_OWNER))
    if namespace is None:
        return
    for each in request.resource_type_associations:
        await rows.try_associate(uow, namespace.id, each.name, each.prefix, each.properties_target)
    await item_rows.insert(uow, namespace.id, request.items())
