"""What a project may have (only what differs from the defaults is stored) and what it uses."""

from collections.abc import Mapping

from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.db.pool import Session, UnitOfWork


async def limits(session: Session, project_id: str) -> dict[str, int]:
    rows = await session.rows("SELECT resource, hard_limit FROM quotas WHERE project_id = $1", project_id)
    return {**DEFAULTS, **{row["resource"]: row["hard_limit"] for row in rows if row["resource"] in DEFAULTS}}


async def set_limits(uow: UnitOfWork, project_id: str, limits: Mapping[str, int]) -> None:
    await uow.many(
        "INSERT INTO quotas (project_id, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project_id, resource, limit) for resource, limit in limits.items()],
    )


async def reset(uow: UnitOfWork, project_id: str) -> None:
    await uow.execute("DELETE FROM quotas WHERE project_id = $1", project_id)


async def used(session: Session, project_id: str) -> dict[str, int]:
    """``instances cores ram`` of the project's servers that are there."""
    rows = await session.rows(
        "SELECT count(*) AS instances, coalesce(sum(vcpus), 0) AS cores, coalesce(sum(memory_mb), 0) AS ram"
        " FROM instances WHERE project_id = $1 AND NOT deleted",
        project_id,
    )
    return {name: int(value) for name, value in rows[0].items()}


async def hold(uow: UnitOfWork, project_id: str) -> None:
    """Until the transaction ends nobody else of the project counts: two requests cannot take the same last place."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('quota ' || $1, 0))", project_id)
