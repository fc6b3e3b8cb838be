"""Addresses servers have: taken and given back in the transaction of the server's change."""

from collections.abc import Callable
from dataclasses import fields

from stackwire.compute.domain.addresses import FixedIp, Network
from stackwire.compute.domain.errors import NoMoreFixedIps
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork

_TRIES = 16
_COLUMNS = "uuid, label, host(address) AS address, mac"
JSON = ", ".join(f"'{f.name}', {'host(a.address)' if f.name == 'address' else f'a.{f.name}'}" for f in fields(FixedIp))


async def of(session: Session, uuid: str, label: str) -> FixedIp | None:
    """The address the server has on the network of this label."""
    return await session.one(
        FixedIp, f"SELECT {_COLUMNS} FROM fixed_ips WHERE instance_uuid = $1 AND label = $2", uuid, label
    )


async def allocate(uow: UnitOfWork, uuid: str, network: Network, make_mac: Callable[[], str]) -> FixedIp:
    """The address the server has, or the least free one; NoMoreFixedIps when there is none.

    One server at a time takes an address of the network, so that the least free one is still free when it is written.
    """
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('stackwire fixed_ips:' || $1, 0))", network.label)
    found = await of(uow, uuid, network.label)
    if found is not None:
        return found
    address = await _least_free(uow, network)
    if address is None:
        raise NoMoreFixedIps(net=network.label)
    for _ in range(_TRIES):
        created = await uow.one(
            FixedIp,
            "INSERT INTO fixed_ips (uuid, instance_uuid, label, address, mac, created_at)"
            f" VALUES ($1, $2, $3, $4::text::inet, $5, $6) ON CONFLICT (mac) DO NOTHING RETURNING {_COLUMNS}",
            new_id("fixed_ip"),
            uuid,
            network.label,
            address,
            make_mac(),
            uow.now,
        )
        if created is not None:
            return created
    raise NoMoreFixedIps(net=network.label)


async def _least_free(uow: UnitOfWork, network: Network) -> str | None:
    """The first address, or the one behind a taken one."""
    found = await uow.value(
        "SELECT host(c.address) FROM (SELECT $2::text::inet AS address UNION ALL"
        " SELECT f.address + 1 FROM fixed_ips f WHERE f.label = $1 AND f.address >= $2::text::inet"
        " AND f.address < $3::text::inet) AS c"
        " WHERE NOT EXISTS (SELECT FROM fixed_ips t WHERE t.label = $1 AND t.address = c.address)"
        " ORDER BY c.address LIMIT 1",
        network.label,
        str(network.first),
        str(network.last),
    )
    return None if found is None else str(found)


async def release(uow: UnitOfWork, uuid: str) -> bool:
    """False when the server had none."""
    return bool(await uow.execute("DELETE FROM fixed_ips WHERE instance_uuid = $1", uuid))
