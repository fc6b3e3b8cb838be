"""Limits and usages of projects: counted up only where the limit allows, in the statement that counts."""

from collections.abc import Mapping

from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.domain.quotas import DEFAULT_CLASS, DEFAULT_LIMITS

_OF_TYPES = """
SELECT t.name, count(v.id) AS volumes,
       coalesce(sum(CASE v.status WHEN 'extending' THEN greatest(v.size, v.new_size) ELSE v.size END), 0)::bigint
         AS volume_size,
       (SELECT count(*)
          FROM snapshots s WHERE s.volume_type_id = t.id AND s.project_id = $1 AND NOT s.deleted) AS snapshots,
       (SELECT coalesce(sum(s.volume_size), 0)::bigint
          FROM snapshots s WHERE s.volume_type_id = t.id AND s.project_id = $1 AND NOT s.deleted) AS snapshot_size
  FROM volume_types t LEFT JOIN volumes v
    ON (t.id = v.volume_type_id OR t.id = v.new_type_id AND v.status = 'retyping')
   AND v.project_id = $1 AND NOT v.deleted
   AND (v.migration_status IS NULL OR v.migration_status <> 'deleting' AND v.migration_status NOT LIKE 'target:%')
 WHERE NOT t.deleted GROUP BY t.id, t.name"""
"""A volume that is extended counts with its new size, one that is retyped with both types; copies of migrations not."""

_LIMITS = """
SELECT 0 AS level, row_number() OVER (ORDER BY created_at DESC) AS place, name, NULL::int AS hard_limit
  FROM volume_types WHERE NOT deleted
UNION ALL SELECT 1, (class_name = $2)::int, resource, hard_limit FROM quota_classes WHERE class_name = ANY($1)
UNION ALL SELECT 2, 0, resource, hard_limit FROM quotas WHERE project_id = $3
 ORDER BY level, place"""
"""The types, whose resources have no limits unless the next rows say so, and of limits the ones in force last."""


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
    return await _limits(session, DEFAULT_CLASS, project)


async def class_limits(session: Session, class_name: str) -> dict[str, int]:
    """Every limit of a class, which has those of the default class unless its own say otherwise."""
    return await _limits(session, class_name, None)


async def _limits(session: Session, class_name: str, project: str | None) -> dict[str, int]:
    limits = dict(DEFAULT_LIMITS)
    for row in await session.rows(_LIMITS, [class_name, DEFAULT_CLASS], class_name, project):
        if row["hard_limit"] is None:
            limits |= dict.fromkeys(of_type(row["name"]), -1)
        elif row["name"] in limits:
            limits[row["name"]] = row["hard_limit"]
    return limits


async def set_class_limits(uow: UnitOfWork, class_name: str, limits: Mapping[str, int]) -> None:
    """These limits for the class; the others stay."""
    await uow.many(
        "INSERT INTO quota_classes (class_name, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (class_name, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(class_name, name, value) for name, value in limits.items()],
    )


async def used(session: Session, project: str) -> dict[str, int]:
    """What a project has of each resource, and of the volumes of each type."""
    rows = await session.rows("SELECT resource, in_use FROM quota_usages WHERE project_id = $1", project)
    found = {**dict.fromkeys(DEFAULT_LIMITS, 0), **{row["resource"]: row["in_use"] for row in rows}}
    for row in await session.rows(_OF_TYPES, project):
        counts = row["volumes"], row["volume_size"] + row["snapshot_size"], row["snapshots"]
        found |= dict(zip(of_type(row["name"]), counts, strict=True))
    return found


def of_type(name: str) -> tuple[str, str, str]:
    """The resources of a volume type, which every type has."""
    return f"volumes_{name}", f"gigabytes_{name}", f"snapshots_{name}"


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
