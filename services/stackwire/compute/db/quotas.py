"""Quotas of projects and of their users: limits, and what is used of them."""

from collections.abc import Mapping, Sequence

from stackwire.compute.domain.model import Flavor
from stackwire.compute.domain.quotas import DEFAULT_CLASS, DEFAULTS, OF_PROJECTS, UNLIMITED, LimitsAndUsage, smallest
from stackwire.compute.domain.states import (
    RESIZE_FINISH,
    RESIZE_MIGRATED,
    RESIZE_MIGRATING,
    RESIZE_PREP,
    RESIZE_REVERTING,
    SOFT_DELETED,
)
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork

_RESIZING = [RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED, RESIZE_FINISH, RESIZE_REVERTING]


OF_SERVERS = ("instances", "cores", "ram")
COUNTED = (*OF_SERVERS, "server_groups")
_LIMITS = """
    SELECT 1 AS level, resource, hard_limit FROM quota_classes WHERE class_name = $3
    UNION ALL SELECT 2, resource, hard_limit FROM quotas WHERE project_id = $1
    UNION ALL SELECT 3, resource, hard_limit FROM project_user_quotas WHERE project_id = $1 AND user_id = $2"""
"""A limit counts before those of a lower level."""
_USAGE = """
    WITH counted AS (
        SELECT user_id, count(*) AS instances, sum(vcpus) AS cores, sum(memory_mb) AS ram
          FROM instances WHERE $5 AND project_id = $1 AND NOT deleted AND vm_state <> $3 GROUP BY user_id
        UNION ALL
        SELECT i.user_id, 0, greatest(c.vcpus - i.vcpus, 0), greatest(c.memory_mb - i.memory_mb, 0)
          FROM resize_claims AS c JOIN instances AS i ON i.uuid = c.instance_uuid
         WHERE $5 AND i.project_id = $1 AND NOT i.deleted AND i.vm_state <> $3 AND i.task_state = ANY($4))
    SELECT sum(instances)::bigint AS instances, sum(cores)::bigint AS cores, sum(ram)::bigint AS ram,
           (SELECT count(*) FROM instance_groups WHERE project_id = $1) AS server_groups,
           sum(instances) FILTER (WHERE user_id = $2)::bigint AS users_instances,
           sum(cores) FILTER (WHERE user_id = $2)::bigint AS users_cores,
           sum(ram) FILTER (WHERE user_id = $2)::bigint AS users_ram,
           (SELECT count(*) FROM instance_groups WHERE project_id = $1 AND user_id = $2) AS users_server_groups
      FROM counted"""


async def limits(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """The limits of the project, or of its user: where they have none of their own, the project's or the defaults."""
    project, users = await _limits(session, project_id, user_id)
    return project if user_id is None else users


async def _limits(session: Session, project_id: str, user_id: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """The project's, and the user's in it."""
    rows = await session.rows(_LIMITS, project_id, user_id, DEFAULT_CLASS)
    default, project, users = (
        {row["resource"]: row["hard_limit"] for row in rows if row["level"] == level} for level in (1, 2, 3)
    )
    found = {**DEFAULTS, **default, **project}
    return found, {**found, **users}


async def scopes(session: Session, project_id: str, user_id: str) -> Sequence[LimitsAndUsage]:
    """The project's limits with all that it has, the user's with what is the user's of it.

    Servers are not counted (0) where nobody limits them: of a large project that is much to read for each new one.
    """
    limits = await _limits(session, project_id, user_id)
    counted = any(each[name] != UNLIMITED for each in limits for name in OF_SERVERS)
    return tuple(zip(limits, await _usage(session, project_id, user_id, servers=counted), strict=True))


async def strictest(session: Session, ctx: RequestContext) -> dict[str, int]:
    """The limits of the caller's project or of the caller in it, whichever is smaller: for what is not counted."""
    return smallest(*await _limits(session, ctx.project_id or "", ctx.user_id))


async def limits_of_user(session: Session, project_id: str, user_id: str) -> dict[str, int]:
    """What the user was given of the project."""
    sql = "SELECT resource, hard_limit FROM project_user_quotas WHERE project_id = $1 AND user_id = $2"
    return {row["resource"]: row["hard_limit"] for row in await session.rows(sql, project_id, user_id)}


async def limits_of_users(session: Session, project_id: str) -> dict[str, int]:
    """The sums of what the project's users were given."""
    sql = "SELECT resource, sum(hard_limit)::bigint AS given FROM project_user_quotas WHERE project_id = $1 GROUP BY 1"
    return {row["resource"]: row["given"] for row in await session.rows(sql, project_id)}


async def class_limits(session: Session, class_name: str) -> dict[str, int]:
    """Every limit of a class."""
    own = await session.rows("SELECT resource, hard_limit FROM quota_classes WHERE class_name = $1", class_name)
    return {**DEFAULTS, **{row["resource"]: row["hard_limit"] for row in own}}


async def set_class_limits(uow: UnitOfWork, class_name: str, values: Mapping[str, int]) -> None:
    """These limits for the class; the others stay."""
    await uow.many(
        "INSERT INTO quota_classes (class_name, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (class_name, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(class_name, name, value) for name, value in values.items()],
    )


async def set_limits(uow: UnitOfWork, project_id: str, values: Mapping[str, int], user_id: str | None = None) -> None:
    """Limits of the project's or the user's own; of some things only projects have limits."""
    of_user = {} if user_id is None else {name: limit for name, limit in values.items() if name not in OF_PROJECTS}
    await uow.many(
        "INSERT INTO quotas (project_id, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project_id, name, value) for name, value in values.items() if name not in of_user],
    )
    await uow.many(
        "INSERT INTO project_user_quotas (project_id, user_id, resource, hard_limit) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (project_id, user_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project_id, user_id, name, value) for name, value in of_user.items()],
    )


async def reset_limits(uow: UnitOfWork, project_id: str, user_id: str | None = None) -> None:
    """The user has the project's limits again; without a user: the project the defaults, and its users too."""
    if user_id is None:
        await uow.execute("DELETE FROM quotas WHERE project_id = $1", project_id)
    sql = "DELETE FROM project_user_quotas WHERE project_id = $1 AND ($2::text IS NULL OR user_id = $2)"
    await uow.execute(sql, project_id, user_id)


async def usage(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Instances, cores, MiB of memory and server groups that a project has, or its user.

    What is soft-deleted is not counted, what is being resized with the larger of its flavors.
    """
    project, users = await _usage(session, project_id, user_id)
    return project if user_id is None else users


async def _usage(
    session: Session, project_id: str, user_id: str | None, *, servers: bool = True
) -> tuple[dict[str, int], dict[str, int]]:
    """The project's, and what is the user's of it; ``servers``: whether those are counted."""
    (row,) = await session.rows(_USAGE, project_id, user_id, SOFT_DELETED, _RESIZING, servers)
    return {name: row[name] or 0 for name in COUNTED}, {name: row[f"users_{name}"] or 0 for name in COUNTED}


async def claim_resize(uow: UnitOfWork, uuid: str, flavor: Flavor) -> None:
    """While the server is being resized it counts with this flavor, where that is larger than its own."""
    await uow.execute(
        "DELETE FROM resize_claims AS c USING instances AS i"
        " WHERE i.uuid = c.instance_uuid AND (i.deleted OR i.task_state IS NULL)"
    )
    await uow.execute(
        "INSERT INTO resize_claims (instance_uuid, vcpus, memory_mb) VALUES ($1, $2, $3)"
        " ON CONFLICT (instance_uuid) DO UPDATE SET vcpus = excluded.vcpus, memory_mb = excluded.memory_mb",
        uuid,
        flavor.vcpus,
        flavor.memory_mb,
    )


async def lock(uow: UnitOfWork, owner_id: str) -> None:
    """One transaction at a time counts what a project, a user or a server has; that stays true until it ends."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('compute-quota:' || $1, 0))", owner_id)
