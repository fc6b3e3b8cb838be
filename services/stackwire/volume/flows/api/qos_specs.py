"""QoS specs, and the volume types that have them; for administrators."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from stackwire.contracts.events_volume import QosSpecsAction
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import qos_specs, volume_types
from stackwire.volume.domain.errors import InvalidVolumeType, QoSSpecsExists, QoSSpecsInUse, QoSSpecsKeyNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import QosSpecs, VolumeType
from stackwire.volume.domain.notifications import naive, qos_specs_event
from stackwire.volume.domain.qos_specs import Specs, consumer_of, merged
from stackwire.volume.flows.deps import Flow

_RULE = "volume_extension:qos_specs_manage:"


class QosSpecsFlows(Flow):
    """``cinder/api/contrib/qos_specs_manage.py``. Each raises QoSSpecsNotFound; what is refused is told too."""

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[QosSpecs]:
        self._deps.require(ctx, _RULE + "get_all")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await qos_specs.find(session, listing.marker)
            return await qos_specs.list_page(session, listing)

    async def get(self, ctx: RequestContext, specs_id: str) -> QosSpecs:
        self._deps.require(ctx, _RULE + "get")
        async with self._deps.database.read() as session:
            return await qos_specs.find(session, specs_id)

    async def create(self, ctx: RequestContext, name: str, specs: Specs) -> QosSpecs:
        """``consumer`` is one of the specs. InvalidQoSSpecs, QoSSpecsExists."""
        self._deps.require(ctx, _RULE + "create")
        async with self._work(ctx, "create", name=name) as uow:
            row = {
                "id": new_id("qos_specs"),
                "name": name,
                "consumer": consumer_of(specs.get("consumer")),
                "specs": merged({}, {key: value for key, value in specs.items() if key != "consumer"}),
                "created_at": uow.now,
            }
            created = await qos_specs.TABLE.try_insert(uow, row)
            if created is None:
                raise QoSSpecsExists(specs_id=name)
            uow.notify(qos_specs_event("create", name=name, created_at=None, specs=dict(specs)))
            return created

    async def update(self, ctx: RequestContext, specs_id: str, specs: Specs) -> None:
        """Merged into the existing ones. InvalidQoSSpecs."""
        self._deps.require(ctx, _RULE + "update")
        async with self._work(ctx, "update", id=specs_id) as uow:
            found = await qos_specs.find(uow, specs_id, lock=True)
            consumer = consumer_of(specs["consumer"]) if "consumer" in specs else found.consumer
            changes = {key: value for key, value in specs.items() if key != "consumer"}
            await qos_specs.TABLE.update(uow, specs_id, consumer=consumer, specs=merged(found.specs, changes))
            _notify(uow, "update", found, updated_at=naive(uow.now), specs=dict(specs))

    async def delete(self, ctx: RequestContext, specs_id: str, *, force: bool) -> None:
        """``force``: types that have them have none then. QoSSpecsInUse."""
        self._deps.require(ctx, _RULE + "delete")
        async with self._work(ctx, "delete", id=specs_id) as uow:
            found = await qos_specs.find(uow, specs_id, lock=True)
            if not force and await qos_specs.types_with(uow, specs_id):
                raise QoSSpecsInUse
            await qos_specs.disassociate(uow, specs_id)
            await qos_specs.TABLE.delete(uow, specs_id)
            _notify(uow, "delete", found, deleted_at=naive(uow.now))

    async def delete_keys(self, ctx: RequestContext, specs_id: str, keys: Sequence[str]) -> None:
        """QoSSpecsKeyNotFound at the first key that is not there; those before it are deleted, as Cinder does."""
        self._deps.require(ctx, _RULE + "delete")
        async with self._work(ctx, "delete_keys", id=specs_id) as uow:
            found = await qos_specs.find(uow, specs_id, lock=True)
            unknown = next((key for key in keys if key not in found.specs), None)
            going = keys if unknown is None else keys[: keys.index(unknown)]
            kept = {key: value for key, value in found.specs.items() if key not in going}
            changed = await qos_specs.TABLE.update(uow, specs_id, specs=kept) if going else found
            if unknown is None:
                _notify(uow, "delete_keys", found, updated_at=naive((changed or found).updated_at))
        if unknown is not None:
            async with self._work(ctx, "delete_keys", id=specs_id):
                raise QoSSpecsKeyNotFound(specs_id=specs_id, specs_key=unknown)

    async def get_associations(self, ctx: RequestContext, specs_id: str) -> list[VolumeType]:
        """The volume types that have the specs."""
        self._deps.require(ctx, _RULE + "get_all")
        async with self._work(ctx, "associations", id=specs_id) as uow:
            _notify(uow, "associations", await qos_specs.find(uow, specs_id))
            return await qos_specs.types_with(uow, specs_id)

    async def associate(self, ctx: RequestContext, specs_id: str, type_id: str | None) -> None:
        """InvalidVolumeType for a type that has others, VolumeTypeNotFound."""
        async with self._associating(ctx, "associate", specs_id, type_id) as (uow, volume_type):
            if volume_type.qos_specs_id not in (None, specs_id):
                text = f"Type {volume_type.id} is already associated with another qos specs: {volume_type.qos_specs_id}"
                raise InvalidVolumeType(reason=text)
            await volume_types.TABLE.update(uow, volume_type.id, qos_specs_id=specs_id)

    async def disassociate(self, ctx: RequestContext, specs_id: str, type_id: str | None) -> None:
        """VolumeTypeNotFound."""
        async with self._associating(ctx, "disassociate", specs_id, type_id) as (uow, volume_type):
            await qos_specs.disassociate(uow, specs_id, volume_type.id)

    async def disassociate_all(self, ctx: RequestContext, specs_id: str) -> None:
        self._deps.require(ctx, _RULE + "update")
        async with self._work(ctx, "disassociate_all", id=specs_id) as uow:
            found = await qos_specs.find(uow, specs_id, lock=True)
            await qos_specs.disassociate(uow, specs_id)
            _notify(uow, "disassociate_all", found)

    @contextlib.asynccontextmanager
    async def _associating(
        self, ctx: RequestContext, action: QosSpecsAction, specs_id: str, type_id: str | None
    ) -> AsyncIterator[tuple[UnitOfWork, VolumeType]]:
        """A transaction on specs and a type. BadRequest without a type, which Cinder tells under ``delete``."""
        self._deps.require(ctx, _RULE + "update")
        async with self._work(ctx, action if type_id else "delete", id=specs_id) as uow:
            if not type_id:
                raise BadRequest("Volume Type id must not be None.")
            found = await qos_specs.find(uow, specs_id, lock=True)
            yield uow, await volume_types.find(uow, ctx, type_id, by_name=False)
            _notify(uow, action, found, type_id=type_id)

    @contextlib.asynccontextmanager
    async def _work(self, ctx: RequestContext, action: QosSpecsAction, **subject: str) -> AsyncIterator[UnitOfWork]:
        """A transaction; if it is refused, that is told of the subject at ERROR."""
        try:
            async with self._deps.database.work(ctx) as uow:
                yield uow
        except ServiceError as error:
            text = f"{type(error).__name__}('{error.message}')"
            async with self._deps.database.work(ctx) as uow:
                uow.notify(qos_specs_event(action, priority="ERROR", **subject, error_message=text))
            raise


def _notify(uow: UnitOfWork, action: QosSpecsAction, found: QosSpecs, **more: Any) -> None:
    uow.notify(qos_specs_event(action, id=found.id, created_at=naive(found.created_at), **more))
