"""Which user is in which group."""

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db.entities import columns
from stackwire.identity.domain.entities import GROUP, USER, Row


async def add(uow: UnitOfWork, group_id: str, user_id: str) -> bool:
    """True when the user was not in it before."""
    sql = "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    return bool(await uow.execute(sql, group_id, user_id))


async def remove(uow: UnitOfWork, group_id: str, user_id: str) -> bool:
    """False when the user was not in it."""
    return bool(await uow.execute("DELETE FROM group_members WHERE group_id = $1 AND user_id = $2", group_id, user_id))


async def contains(session: Session, group_id: str, user_id: str) -> bool:
    """True when the user is in the group."""
    sql = "SELECT EXISTS (SELECT 1 FROM group_members WHERE group_id = $1 AND user_id = $2)"
    return bool(await session.value(sql, group_id, user_id))


async def users_in(session: Session, group_id: str) -> list[Row]:
    """The users of a group, by id."""
    sql = f"""SELECT {columns(USER)} FROM users JOIN group_members m ON m.user_id = users.id
               WHERE m.group_id = $1 ORDER BY 1"""
    return await session.rows(sql, group_id)


async def groups_of(session: Session, user_id: str) -> list[Row]:
    """The groups of a user, by id."""
    sql = f"""SELECT {columns(GROUP)} FROM groups JOIN group_members m ON m.group_id = groups.id
               WHERE m.user_id = $1 ORDER BY 1"""
    return await session.rows(sql, user_id)


async def user_ids_in(session: Session, group_id: str) -> list[str]:
    """The ids of a group's users, in order."""
    rows = await session.rows("SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY 1", group_id)
    return [row["user_id"] for row in rows]
