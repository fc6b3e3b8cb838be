"""Giving a volume to another project: one offers it, who knows the key accepts it."""

import hashlib
import hmac
import secrets

from stackwire.contracts.events_volume import VolumeAction
from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import new_id
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import encryption, glance_metadata, quotas, snapshots, transfers, volume_types, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.errors import InvalidAuthKey, VolumeTooBig
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Transfer, Volume
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import notify_attachment_event
from stackwire.volume.flows.deps import Flow
from stackwire.volume.flows.type_quotas import check_type_limits


class Transfers(Flow):
    """``cinder/transfer/api.py``. Each raises TransferNotFound for a transfer the caller does not see."""

    async def create(
        self, ctx: RequestContext, volume_id: str, name: str | None, *, no_snapshots: bool, encrypted: bool
    ) -> tuple[Transfer, str]:
        """The transfer, and the key that its taker needs. ``encrypted``: of such volumes too (3.70). InvalidVolume,
        InvalidSnapshot."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume:create_transfer", volume.project_id)
            await _notify(uow, "transfer.create.start", volume)
            if await transition(uow, volumes.TABLE, VolumeStates.begin_transfer, volume.id) is None:
                raise InvalidVolume(reason="status must be available")
            await _check_encryption(uow, volume, no_snapshots=no_snapshots, allowed=encrypted)
            for snapshot in [] if no_snapshots else await snapshots.of_volume(uow, volume.id):
                if not SnapshotStates.copy.allows(status=snapshot.status):
                    raise InvalidSnapshot(reason=f"snapshot: {snapshot.id} status must be available")
            salt, key = secrets.token_hex(4), secrets.token_hex(8)
            offer = Transfer(
                id=new_id("transfer"),
                volume_id=volume.id,
                source_project_id=volume.project_id,
                name=name,
                salt=salt,
                crypt_hash=_hash(salt, key),
                no_snapshots=no_snapshots,
                created_at=uow.now,
            )
            await transfers.TABLE.insert(uow, offer)
            await _notify(uow, "transfer.create.end", volume)  # as it was before, which is what Cinder tells
            return offer, key

    async def get(self, ctx: RequestContext, transfer_id: str) -> Transfer:
        async with self._deps.database.read() as session:
            found = await transfers.find(session, transfer_id, ctx)
        self._deps.require(ctx, "volume:get_transfer", found.source_project_id)
        return found

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[Transfer]:
        """TransferNotFound for a marker that is none of the caller's transfers."""
        self._deps.require(ctx, "volume:get_all_transfers")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await transfers.find(session, listing.marker, ctx)
            return await transfers.list_page(session, listing)

    async def delete(self, ctx: RequestContext, transfer_id: str) -> None:
        """The volume is available again."""
        async with self._deps.database.work(ctx) as uow:
            found = await transfers.find(uow, transfer_id, ctx)
            volume = await volumes.find(uow, ctx, found.volume_id, lock=True)
            self._deps.require(ctx, "volume:delete_transfer", volume.project_id)
            await _notify(uow, "transfer.delete.start", volume)
            await transfers.TABLE.delete(uow, found.id)
            await transition(uow, volumes.TABLE, VolumeStates.end_transfer, volume.id)
            await _notify(uow, "transfer.delete.end", volume)

    async def accept(self, ctx: RequestContext, transfer_id: str, key: str) -> Transfer:
        """The volume is the caller's, and its snapshots with it. InvalidAuthKey, InvalidVolume, 413 for quotas."""
        self._deps.require(ctx, "volume:accept_transfer")
        if not ctx.project_id:
            raise BadRequest("A volume needs a project to belong to.")
        async with self._deps.database.work(ctx) as uow:
            found = await transfers.find(uow, transfer_id)
            if not hmac.compare_digest(found.crypt_hash, _hash(found.salt, key)):
                raise InvalidAuthKey(reason=f"Attempt to transfer {transfer_id} with invalid auth key.")
            volume = await volumes.TABLE.get(uow, found.volume_id, lock=True)
            if volume is None:
                raise InvalidVolume(reason=f"Transfer {transfer_id}: the volume is gone.")
            await _notify(uow, "transfer.accept.start", volume)
            await self._move_quota(uow, volume, ctx.project_id, snapshots_too=not found.no_snapshots)
            accepted = await transition(
                uow, volumes.TABLE, VolumeStates.end_transfer, volume.id, project_id=ctx.project_id, user_id=ctx.user_id
            )
            if accepted is None:
                raise InvalidVolume(
                    reason=f"Transfer {transfer_id}: Volume id {volume.id} expected in awaiting-transfer state."
                )
            itself = Resource("volume", volume.id)
            uow.apply(travel.at_transfer, itself, itself, await glance_metadata.read(uow, "volume_id", volume.id))
            if not found.no_snapshots:
                await snapshots.change_owner(uow, volume.id, ctx.project_id, ctx.user_id)
            await transfers.TABLE.delete(uow, found.id)
            await _notify(uow, "transfer.accept.end", accepted)
            return found

    async def _move_quota(self, uow: UnitOfWork, volume: Volume, project: str, *, snapshots_too: bool) -> None:
        """VolumeTooBig; 413 where the taker has not enough left."""
        limit = (await quotas.limits_of(uow, project))["per_volume_gigabytes"]
        if 0 <= limit < volume.size:
            raise VolumeTooBig(size=volume.size, limit=limit)
        sizes = [one.volume_size for one in await snapshots.of_volume(uow, volume.id)] if snapshots_too else []
        amounts = {"volumes": 1, "gigabytes": volume.size + sum(sizes), "snapshots": len(sizes)}
        await self._deps.reserve_quota(uow, project, **amounts)
        await check_type_limits(uow, project, await volume_types.by_id(uow, volume.volume_type_id), **amounts)
        await quotas.release(uow, volume.project_id, amounts)


async def _check_encryption(uow: UnitOfWork, volume: Volume, *, no_snapshots: bool, allowed: bool) -> None:
    """InvalidVolume for one that may not be given away, or not in this way."""
    if await encryption.encrypts(uow, volume.volume_type_id):
        if not allowed:
            raise InvalidVolume(reason="transferring encrypted volume is not supported")
        if no_snapshots:
            raise InvalidVolume(reason="transferring an encrypted volume without its snapshots is not supported")


async def _notify(uow: UnitOfWork, action: VolumeAction, volume: Volume) -> None:
    await notify_attachment_event(uow, action, volume, from_api=True)


def _hash(salt: str, key: str) -> str:
    return hmac.new(salt.encode(), key.encode(), hashlib.sha256).hexdigest()
