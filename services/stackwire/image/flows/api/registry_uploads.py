"""Uploads whose bytes somebody else writes: an API of ours, which names what it writes, or Glance's own.

Of an upload by Glance's own API the registry knows the status, the facts and, at the end, the location: whether its
writer lives nobody knows, so that recovery leaves it alone. Source: ``glance/api/v1/upload_utils.py``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.db import uploads
from stackwire.image.domain.errors import BadLocation, ImageNotFound, NotOwner, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location
from stackwire.image.domain.registry import Changed, RegistryChange, RegistryUpload
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, KILLED, QUEUED, SAVING
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.port import Upload

_FACTS = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")


class RegistryUploads:
    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps
        self._data = deps.onion.data

    async def change(self, ctx: RequestContext, image_id: str, change: RegistryChange) -> Changed:
        """A change that an API of ours asks for: its ``upload`` says what is written."""
        assert change.upload is not None  # as the caller knows
        upload, status = change.upload, change.columns.get("status")
        if status == SAVING:
            return await self._begin(ctx, image_id, upload)
        if status == ACTIVE:
            return Changed(await self._finish(ctx, image_id, change, upload))
        if status in (QUEUED, KILLED):
            return Changed(await self._abort(ctx, image_id, status, upload))
        raise BadRequest("An upload is begun (saving), finished (active) or aborted (queued, killed).")

    async def _begin(self, ctx: RequestContext, image_id: str, upload: RegistryUpload) -> Changed:
        """From now on the image is the upload's: the process that writes the bytes renews the lease."""
        if not upload.worker:
            raise BadRequest("Who begins an upload names the process that writes.")
        async with self._deps.database.work(ctx) as uow:
            image = await self._deps.onion.images.get(ctx, uow, image_id)
            wanted = Upload(
                image=image, announced=upload.announced, object_name=upload.object, store=upload.store, status=SAVING
            )
            begun = await self._data.begin_upload(ctx, uow, wanted)
            await self._deps.leases.hand_over(uow, "image", image.id, upload.worker)
        return Changed(begun.image, begun.allowance)

    async def _finish(
        self, ctx: RequestContext, image_id: str, change: RegistryChange, upload: RegistryUpload
    ) -> Image:
        size, checksum = change.columns.get("size"), change.columns.get("checksum")
        if size is None or checksum is None or upload.store is None:
            raise BadRequest("An upload that is finished has a size, a checksum and a store.")
        written = WrittenData(
            object=upload.object,
            stores=(upload.store,),
            size=size,
            virtual_size=upload.virtual_size,
            checksum=checksum,
            os_hash_algo=upload.os_hash_algo,
            os_hash_value=upload.os_hash_value,
        )
        async with self._deps.database.work(ctx) as uow:
            try:
                current = await self._deps.onion.images.get(ctx, uow, image_id)
            except ImageNotFound as error:
                raise Vanished(image_id=image_id) from error
            if current.status in (ACTIVE, DEACTIVATED) and current.object == upload.object:
                return current  # the answer to the same request was lost
            claimed = Image(
                id=image_id,
                status=SAVING,
                owner=current.owner,
                object=upload.object,
                disk_format=upload.disk_format,
                container_format=upload.container_format,
            )
            return await self._data.finish_upload(ctx, uow, claimed, written)

    async def _abort(self, ctx: RequestContext, image_id: str, status: str, upload: RegistryUpload) -> Image:
        """Also of an image that was deleted meanwhile, of which the names of the bytes go."""
        async with self._deps.database.work(ctx) as uow:
            claimed = Image(id=image_id, status=SAVING, object=upload.object)
            if not await self._data.abort(ctx, uow, claimed, upload.reason, status):
                raise Conflict("The image is not, or no longer, this upload's.")
            aborted = await rows.get(uow, image_id, ctx.project_id, deleted=True)
            assert aborted is not None  # rows of deleted images stay
            return aborted

    # ---- by Glance's own API

    def is_step(self, before: Image, change: RegistryChange) -> bool:
        """Whether a change without an ``upload`` begins, continues or ends one."""
        status = change.columns.get("status", before.status)
        if status != before.status:
            return SAVING in (before.status, status) or (before.status, status) == (QUEUED, KILLED)
        known = {name: getattr(before, name) for name in _FACTS}
        return status == SAVING and {**known, **_facts(change)} != known

    async def step(self, ctx: RequestContext, image_id: str, change: RegistryChange) -> Image:
        """Takes it, with whatever else the change says. Raises Conflict, NotQueued, TooLarge."""
        async with self._deps.database.work(ctx) as uow:
            await rows.lock(uow, image_id)
            image = await self._deps.onion.images.get(ctx, uow, image_id)
            if image.object is not None or change.from_state not in (None, image.status):
                raise Conflict(f"The image is {image.status}, and not this upload's.")
            check_owner(ctx, image)
            stepped = await self._stepped(ctx, uow, image, change)
            columns = {name: value for name, value in change.columns.items() if name not in ("status", *_FACTS)}
            after = replace(change, columns=columns, locations=None).applied(stepped)
            return stepped if after == stepped else await self._deps.onion.images.update(ctx, uow, stepped, after)

    async def _stepped(self, ctx: RequestContext, uow: UnitOfWork, image: Image, change: RegistryChange) -> Image:
        status = change.columns.get("status", image.status)
        if status == ACTIVE:
            return await self._data.finish_upload(ctx, uow, image, self._written(image, change))
        if status != SAVING:
            if not await self._data.abort(ctx, uow, image, "The upload failed.", status):
                raise Conflict(f"Image status transition from {image.status} to {status} is not allowed")
        elif image.status != SAVING:
            await self._data.begin_upload(ctx, uow, Upload(image=image, status=SAVING))
            await self._deps.leases.revoke(uow, "image", image.id)
        else:
            await uploads.set_facts_elsewhere(uow, image.id, _facts(change))
        return await rows.must_get(uow, image.id, ctx.project_id)

    def _written(self, image: Image, change: RegistryChange) -> WrittenData:
        """What the other Glance has written, by its facts and those that it has told before."""
        facts = {**{name: getattr(image, name) for name in _FACTS}, **_facts(change)}
        places = located(self._deps.stores, change.locations or ())
        if facts["size"] is None or not places:
            raise BadRequest("An image becomes active with the size and a location of its data.")
        return WrittenData(object="", stores=[place.store for place in places], elsewhere=places, **facts)


def _facts(change: RegistryChange) -> dict[str, Any]:
    return {name: change.columns[name] for name in _FACTS if change.columns.get(name) is not None}


def check_owner(ctx: RequestContext, image: Image) -> None:
    """Raises NotOwner."""
    if not is_admin(ctx) and (ctx.project_id is None or image.owner != ctx.project_id):
        raise NotOwner


def located(stores: Stores, locations: Sequence[Location]) -> list[Location]:
    """With the store that reads each; what none of ours reads, such as another machine's file, has no store."""
    return [replace(place, store=_reader(stores, place)) for place in locations]


def _reader(stores: Stores, place: Location) -> str:
    if place.store or place.url is None:
        return place.store
    try:
        return stores.outside(place.url)[0]
    except BadLocation:
        return ""
