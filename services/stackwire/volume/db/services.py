"""Rows of ``services``: what an administrator changed of a service; one without a row is enabled."""

from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.domain.model import ServiceState

_COLUMNS = '"binary", host, disabled, disabled_reason, frozen, updated_at'


async def states(session: Session) -> dict[tuple[str, str], ServiceState]:
    """By binary and host."""
    rows = await session.all(ServiceState, f"SELECT {_COLUMNS} FROM services")
    return {(row.binary, row.host): row for row in rows}


async def set_state(uow: UnitOfWork, state: ServiceState) -> None:
    """Writes it down."""
    await uow.execute(
        f'INSERT INTO services ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ("binary", host) DO UPDATE'
        " SET disabled = $3, disabled_reason = $4, frozen = $5, updated_at = $6",
        state.binary,
        state.host,
        state.disabled,
        state.disabled_reason,
        state.frozen,
        uow.now,
    )
