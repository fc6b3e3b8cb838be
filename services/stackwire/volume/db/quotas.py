"""Limits and usages of projects: counted up only where the limit allows, in the statement that counts."""

from collections.abc import Mapping

from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.domain.quotas import DEFAULT_LIMITS


async def reserve(uow: UnitOfWork, project: str, amounts: Mapping[str, int]) -> dict[str, int] | None:
    """Counts the amounts up; None when they fit, else the limits in force, of which one or more do not allow them.

    Rows are locked in one order (by name), so that two requests never wait for each other.
    """
    names = sorted(amounts)
    wanted = [amounts[name] for name in names]
    await uow.execute(
        "INSERT INTO quota_usages (project_id, resource) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
        project,
        names,
    )
    await uow.execute(
        "SELECT 1 FROM quota_usages WHERE project_id = $1 AND resource = ANY($2) ORDER BY resource FOR UPDATE",
        project,
        names,
    )
    limits = await limits_of(uow, project)
    counted = await uow.execute(
        "UPDATE quota_usages u SET in_use = u.in_use + w.amount"
        " FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS w(resource, amount, allowed)"
        " WHERE u.project_id = $1 AND u.resource = w.resource"
        " AND (w.allowed = -1 OR w.amount <= 0 OR u.in_use + w.amount <= w.allowed)",
        project,
        names,
        wanted,
        [limits[name] for name in names],
    )
    return None if counted == len(names) else limits


async def release(uow: UnitOfWork, project: str, amounts: Mapping[str, int]) -> None:
    """Counts the amounts down, to no less than 0."""
    names = sorted(amounts)
    await uow.execute(
        "UPDATE quota_usages u SET in_use = greatest(0, u.in_use - w.amount)"
        " FROM unnest($2::text[], $3::bigint[]) AS w(resource, amount)"
        " WHERE u.project_id = $1 AND u.resource = w.resource",
        project,
        names,
        [amounts[name] for name in names],
    )


async def limits_of(session: Session, project: str) -> dict[str, int]:
    """Every limit, the project's own over the defaults; -1: none."""
    rows = await session.rows("SELECT resource, hard_limit FROM quotas WHERE project_id = $1", project)
    return {**DEFAULT_LIMITS, **{row["resource"]: row["hard_limit"] for row in rows}}


async def used(session: Session, project: str) -> dict[str, int]:
    """What a project has of each resource."""
    rows = await session.rows("SELECT resource, in_use FROM quota_usages WHERE project_id = $1", project)
    return {**dict.fromkeys(DEFAULT_LIMITS, 0), **{row["resource"]: row["in_use"] for row in rows}}


async def set_limits(uow: UnitOfWork, project: str, limits: Mapping[str, int]) -> None:
    """These limits for the project; the others stay."""
    await uow.many(
        "INSERT INTO quotas (project_id, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project, name, value) for name, value in limits.items()],
    )


async def delete_limits(uow: UnitOfWork, project: str) -> None:
    """Back to the defaults."""
    await uow.execute("DELETE FROM quotas WHERE project_id = $1", project)
