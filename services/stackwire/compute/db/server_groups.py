"""Rows of ``instance_groups``, with the servers in them that are not deleted."""

from collections.abc import Sequence

from stackwire.compute.domain.model_groups import ServerGroup, ServerGroupRow
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(ServerGroupRow, "instance_groups", key="uuid")
_SELECT = f"""
    SELECT {TABLE.qualified("g")}, coalesce((SELECT array_agg(m.instance_uuid ORDER BY m.created_at, i.id)
             FROM instance_group_member AS m JOIN instances AS i ON i.uuid = m.instance_uuid AND NOT i.deleted
            WHERE m.group_id = g.id), '{{}}') AS members
      FROM instance_groups AS g"""


async def get(session: Session, uuid: str, project_id: str | None) -> ServerGroup | None:
    """Of that project (None: of any)."""
    sql = f"{_SELECT} WHERE g.uuid = $1 AND ($2::text IS NULL OR g.project_id = $2)"
    return await session.one(ServerGroup, sql, uuid, project_id)


async def list_page(session: Session, project_id: str | None, limit: int, offset: int) -> list[ServerGroup]:
    """Those of that project (None: of all), the oldest first."""
    sql = f"{_SELECT} WHERE $1::text IS NULL OR g.project_id = $1 ORDER BY g.id LIMIT $2 OFFSET $3"
    return await session.all(ServerGroup, sql, project_id, limit, offset)


async def of_server(session: Session, uuid: str) -> ServerGroup | None:
    """The group that the server is in."""
    sql = f"{_SELECT} JOIN instance_group_member AS own ON own.group_id = g.id WHERE own.instance_uuid = $1"
    return await session.one(ServerGroup, sql, uuid)


async def add_member(uow: UnitOfWork, group: ServerGroup, uuid: str) -> None:
    """The new server is in the group."""
    sql = "INSERT INTO instance_group_member (instance_uuid, group_id, created_at) VALUES ($1, $2, $3)"
    await uow.execute(sql, uuid, group.id, uow.now)


async def count_members(session: Session, group: ServerGroup, user_id: str) -> int:
    """How many of its servers are the user's (``nova/objects/instance_group.py: count_members_by_user``)."""
    sql = "SELECT count(*) FROM instances WHERE uuid = ANY($1) AND user_id = $2 AND NOT deleted"
    return int(await session.value(sql, list(group.members), user_id))


async def claims(session: Session, members: Sequence[str], but: Sequence[str] = ()) -> dict[str, int]:
    """How many of these servers each host has, or has claims of; without the servers ``but``."""
    rows = await session.rows(
        "SELECT host, count(DISTINCT instance_uuid)::int AS members FROM allocations"
        " WHERE instance_uuid = ANY($1) AND instance_uuid <> ALL($2) GROUP BY host",
        list(members),
        list(but),
    )
    return {row["host"]: row["members"] for row in rows}
