"""The tasks' rows. A status changes by a transition only."""

from datetime import datetime
from typing import Any

from stackwire.db.leases import Leases
from stackwire.db.query import Conditions, SortKey, after_marker, order_by
from stackwire.db.session import Session
from stackwire.db.table import Arguments, Table
from stackwire.db.transitions import transition
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.states import FINISH, PENDING, PROCESSING, TaskStates
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import LOCK_TIMEOUT, Task, TaskOutcome

TABLE = Table(Task, "tasks", states=TaskStates, live="deleted_at IS NULL")
_EXPRESSIONS = {
    "owner": "coalesce(t.owner, '')",
    "image_id": "coalesce(t.image_id, '')",
    "expires_at": "coalesce(t.expires_at, 'infinity')",
}
_EXPIRE = f"""
UPDATE tasks SET deleted_at = $1
 WHERE id IN (SELECT id FROM tasks WHERE deleted_at IS NULL AND expires_at <= $1
               ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING {TABLE.columns}
"""


async def list_for_image(session: Session, image_id: str) -> list[Task]:
    """Oldest first."""
    return await TABLE.find(session, image_id=image_id, order="created_at, id")


async def list_page(session: Session, query: TaskQuery, limit: int, *, owner: str | None) -> list[Task]:
    """At most ``limit`` tasks behind the marker: the owner's, or everybody's where ``owner`` is None."""
    conditions = Conditions("t.deleted_at IS NULL")
    if owner is not None:
        conditions.where("t.owner = {}", owner)
    for name, value in query.filters:
        conditions.where(f"t.{name} = {{}}", value)
    keys = [_sort_key(conditions, query, name) for name in query.sort]
    if query.marker is not None:
        conditions.where(after_marker(keys))
    sql = f"SELECT {TABLE.columns} FROM tasks t WHERE {conditions.sql} ORDER BY {order_by(keys)}"
    return await session.all(Task, f"{sql} LIMIT {limit:d}", *conditions.values)


def _sort_key(conditions: Conditions, query: TaskQuery, name: str) -> SortKey:
    expression = _EXPRESSIONS.get(name, f"t.{name}")
    marker = ""
    if query.marker is not None:
        marker = f"(SELECT {expression} FROM tasks t WHERE t.id = {conditions.placeholder(query.marker)})"
    return SortKey(expression, descending=query.direction == "desc", marker=marker)


async def begin(uow: UnitOfWork, task_id: str) -> Task | None:
    """To processing; None when another worker was first."""
    return await transition(uow, TABLE, TaskStates.begin, task_id)


async def finish(uow: UnitOfWork, task_id: str, outcome: TaskOutcome, expires_at: datetime) -> Task | None:
    """To success or failure; None when it has ended already."""
    changes: dict[str, Any] = {"result": outcome.result, "message": outcome.message, "expires_at": expires_at}
    return await transition(uow, TABLE, FINISH[outcome.status], task_id, **changes)


async def set_progress(uow: UnitOfWork, task_id: str, message: str) -> bool:
    """The task's message; False when it has ended."""
    return await TABLE.update(uow, task_id, where={"status": PROCESSING}, message=message) is not None


async def lock_orphans(uow: UnitOfWork, leases: Leases) -> list[Task]:
    """Tasks in processing that no living worker holds, and those that no worker took in time; locked."""
    arguments = Arguments()
    held, late = leases.held(arguments, "task", "tasks.id"), arguments.placeholder(uow.now - 2 * LOCK_TIMEOUT)
    sql = (
        f"SELECT {TABLE.columns} FROM tasks WHERE deleted_at IS NULL AND ((status = '{PROCESSING}' AND NOT {held})"
        f" OR (status = '{PENDING}' AND updated_at < {late})) FOR UPDATE OF tasks SKIP LOCKED"
    )
    return await uow.all(Task, sql, *arguments.values)


async def expire(uow: UnitOfWork, limit: int) -> list[Task]:
    """Deletes at most ``limit`` tasks whose time is over; answers them."""
    return await uow.all(Task, _EXPIRE, uow.now, limit)
