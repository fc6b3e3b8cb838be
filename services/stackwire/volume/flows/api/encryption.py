"""How volumes of a type are encrypted: kept and told, of the types and of their volumes.

No host encrypts here: an encrypted volume's data is as it came.
"""

from collections.abc import Mapping
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import encryption, volume_types, volumes
from stackwire.volume.domain.errors import VolumeTypeEncryptionExists, VolumeTypeEncryptionNotFound
from stackwire.volume.domain.model import Encryption
from stackwire.volume.flows.deps import Flow

_RULE = "volume_extension:volume_type_encryption:"


class TypeEncryption(Flow):
    """``cinder/api/contrib/volume_type_encryption.py``, for administrators. VolumeTypeNotFound."""

    async def get(self, ctx: RequestContext, type_id: str) -> Encryption | None:
        """None for a type that is not encrypted."""
        self._deps.require(ctx, _RULE + "get")
        async with self._deps.database.read() as session:
            await volume_types.find(session, ctx, type_id, by_name=False)
            return await encryption.TABLE.get(session, type_id)

    async def of_volume(self, ctx: RequestContext, volume_id: str) -> Encryption | None:
        """None for one that is not encrypted. VolumeNotFound."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            self._deps.require(ctx, "volume:get", volume.project_id)
            return await encryption.TABLE.get(session, volume.volume_type_id)

    async def create(self, ctx: RequestContext, type_id: str, columns: Mapping[str, Any]) -> Encryption:
        """VolumeTypeEncryptionExists; BadRequest while volumes of the type exist."""
        self._deps.require(ctx, _RULE + "create")
        async with self._deps.database.work(ctx) as uow:
            await _check_unused(uow, type_id, "create")
            await volume_types.find(uow, ctx, type_id, by_name=False)
            row = {"encryption_id": new_id("encryption"), "volume_type_id": type_id, **columns, "created_at": uow.now}
            created = await encryption.TABLE.try_insert(uow, row)
            if created is None:
                raise VolumeTypeEncryptionExists(type_id=type_id)
            return created

    async def update(self, ctx: RequestContext, type_id: str, changes: Mapping[str, Any]) -> None:
        """VolumeTypeEncryptionNotFound; BadRequest while volumes of the type exist."""
        self._deps.require(ctx, _RULE + "update")
        async with self._deps.database.work(ctx) as uow:
            await volume_types.find(uow, ctx, type_id, by_name=False)
            await _check_unused(uow, type_id, "update")
            if not await encryption.TABLE.update(uow, type_id, **changes):
                raise VolumeTypeEncryptionNotFound(type_id=type_id)

    async def delete(self, ctx: RequestContext, type_id: str) -> None:
        """VolumeTypeEncryptionNotFound; BadRequest while volumes of the type exist."""
        self._deps.require(ctx, _RULE + "delete")
        async with self._deps.database.work(ctx) as uow:
            await _check_unused(uow, type_id, "delete")
            if not await encryption.TABLE.delete(uow, type_id):
                raise VolumeTypeEncryptionNotFound(type_id=type_id)


async def _check_unused(uow: UnitOfWork, type_id: str, verb: str) -> None:
    if await volume_types.in_use(uow, type_id):
        raise BadRequest(f"Cannot {verb} encryption specs. Volume type in use.")
