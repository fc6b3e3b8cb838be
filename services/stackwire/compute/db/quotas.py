"""Quotas of projects: limits, and what is used of them."""

from collections.abc import Mapping

from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.db.pool import Session, UnitOfWork


async def limits(session: Session, project_id: str) -> dict[str, int]:
    """The project's limits: the defaults where it has none of its own."""
    own = await session.rows("SELECT resource, hard_limit FROM quotas WHERE project_id = $1", project_id)
    return {**DEFAULTS, **{row["resource"]: row["hard_limit"] for row in own}}


async def set_limits(uow: UnitOfWork, project_id: str, values: Mapping[str, int]) -> None:
    """Limits of the project's own, instead of the defaults."""
    await uow.many(
        "INSERT INTO quotas (project_id, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project_id, name, value) for name, value in values.items()],
    )


async def reset_limits(uow: UnitOfWork, project_id: str) -> None:
    """The project has the defaults again."""
    await uow.execute("DELETE FROM quotas WHERE project_id = $1", project_id)


async def usage(session: Session, project_id: str) -> dict[str, int]:
    """Instances, cores and MiB of memory a project has."""
    (row,) = await session.rows(
        "SELECT count(*)::int AS instances, coalesce(sum(vcpus), 0)::int AS cores,"
        " coalesce(sum(memory_mb), 0)::bigint AS ram FROM instances WHERE project_id = $1 AND NOT deleted",
        project_id,
    )
    return row


async def lock(uow: UnitOfWork, project_id: str) -> None:
    """One transaction at a time in a project: what it counts stays true until it ends."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('compute-quota:' || $1, 0))", project_id)
