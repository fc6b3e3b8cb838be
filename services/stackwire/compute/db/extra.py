"""What a server keeps beside its row (``instance_extra``): flavor, request spec, guest definition, network."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.instance import Extra, Flavor
from stackwire.db.pool import Session, UnitOfWork


def stored_flavor(flavor: Flavor) -> dict[str, Any]:
    """JSON-ready; ``domain.instance.flavor_from`` reads it again."""
    told = {name: getattr(flavor, name) for name in Flavor.__dataclass_fields__}
    told["extra_specs"] = dict(flavor.extra_specs)
    for key in ("created_at", "updated_at"):
        told[key] = None if told[key] is None else told[key].isoformat()
    return told


async def insert(uow: UnitOfWork, uuid: str, *, flavor: Flavor, request_spec: Mapping[str, Any]) -> None:
    await uow.execute(
        "INSERT INTO instance_extra (instance_uuid, flavor, request_spec) VALUES ($1, $2, $3)",
        uuid,
        stored_flavor(flavor),
        dict(request_spec),
    )


async def of(session: Session, uuid: str) -> Extra | None:
    return await session.one(Extra, "SELECT * FROM instance_extra WHERE instance_uuid = $1", uuid)


async def set_request_spec(uow: UnitOfWork, uuid: str, request_spec: Mapping[str, Any]) -> None:
    await uow.execute("UPDATE instance_extra SET request_spec = $2 WHERE instance_uuid = $1", uuid, dict(request_spec))


async def set_guest(uow: UnitOfWork, uuid: str, guest_xml: str | None) -> None:
    await uow.execute("UPDATE instance_extra SET guest_xml = $2 WHERE instance_uuid = $1", uuid, guest_xml)


async def set_network(uow: UnitOfWork, uuid: str, network_info: Sequence[Mapping[str, Any]]) -> None:
    await uow.execute(
        "UPDATE instance_extra SET network_info = $2 WHERE instance_uuid = $1",
        uuid,
        [dict(item) for item in network_info],
    )


async def guest_of(session: Session, uuid: str) -> str | None:
    found = await session.value("SELECT guest_xml FROM instance_extra WHERE instance_uuid = $1", uuid)
    return None if found is None else str(found)
