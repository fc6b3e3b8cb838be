"""The tasks' rows. Every move is one compare-and-swap."""

from datetime import datetime, timedelta

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.states import PENDING, PROCESSING, TASK
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import LOCK_LIVES, Ending, Task

_SHOWN = (
    "id, type, status, owner, image_id, request_id, user_id, input, result, message, expires_at, created_at,"
    " updated_at, deleted_at"
)
_LIVE = "deleted_at IS NULL"


async def insert(uow: UnitOfWork, task: Task) -> None:
    await uow.execute(
        "INSERT INTO tasks (id, type, status, owner, image_id, request_id, user_id, input, message, created_at,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        task.id, task.type, task.status, task.owner, task.image_id, task.request_id, task.user_id, task.input,
        task.message, task.created_at, task.updated_at,
    )  # fmt: skip


async def get(db: Session, task_id: str) -> Task | None:
    return await db.one(Task, f"SELECT {_SHOWN} FROM tasks WHERE id = $1 AND {_LIVE}", task_id)


async def of_image(db: Session, image_id: str) -> list[Task]:
    """Oldest first."""
    return await db.all(
        Task, f"SELECT {_SHOWN} FROM tasks WHERE image_id = $1 AND {_LIVE} ORDER BY created_at, id", image_id
    )


_EXPRESSIONS = {"owner": "coalesce(t.owner, '')", "image_id": "coalesce(t.image_id, '')",
                "expires_at": "coalesce(t.expires_at, 'infinity')"}  # fmt: skip


async def page(db: Session, query: TaskQuery, limit: int, *, owner: str | None, everybodys: bool) -> list[Task]:
    """At most ``limit`` tasks behind the marker, the owner's or everybody's."""
    keys = [_EXPRESSIONS.get(key, f"t.{key}") for key in query.sort]
    wanted = [f"t.{name} = ${at}" for at, (name, _) in enumerate(query.filters, 5)]
    sign = "<" if query.direction == "desc" else ">"
    return await db.all(
        Task,
        f"SELECT {_SHOWN} FROM tasks t WHERE {' AND '.join([_LIVE, *wanted])} AND ($1 OR t.owner = $2)"
        f" AND ($3::text IS NULL OR ({', '.join(keys)}) {sign} (SELECT {', '.join(keys)} FROM tasks t WHERE t.id = $3))"
        f" ORDER BY {', '.join(f'{key} {query.direction}' for key in keys)} LIMIT $4",
        everybodys, owner, query.marker, limit, *(value for _, value in query.filters),
    )  # fmt: skip


async def fills(uow: UnitOfWork, task_id: str, image_id: str) -> None:
    """The image the task has made for itself."""
    await uow.execute("UPDATE tasks SET image_id = $2 WHERE id = $1", task_id, image_id)


async def try_begin(uow: UnitOfWork, task_id: str, worker: str) -> Task | None:
    """To processing, in the worker's name; None when somebody was first."""
    return await uow.one(
        Task,
        "UPDATE tasks SET status = $2, worker = $4, updated_at = $5"
        f" WHERE id = $1 AND status = ANY($3) AND deleted_at IS NULL RETURNING {_SHOWN}",
        task_id, PROCESSING, TASK.sources(PROCESSING), worker, uow.now,
    )  # fmt: skip


async def try_end(uow: UnitOfWork, task_id: str, ending: Ending, expires_at: datetime) -> Task | None:
    """To its end; None when it has ended already."""
    return await uow.one(
        Task,
        "UPDATE tasks SET status = $2, worker = NULL, result = $4, message = $5, expires_at = $6, updated_at = $7"
        f" WHERE id = $1 AND status = ANY($3) AND deleted_at IS NULL RETURNING {_SHOWN}",
        task_id, ending.status, TASK.sources(ending.status), ending.result, ending.message, expires_at, uow.now,
    )  # fmt: skip


async def tell(uow: UnitOfWork, task_id: str, worker: str, message: str) -> bool:
    """How far it is; False when it is no longer this worker's."""
    touched = await uow.execute(
        "UPDATE tasks SET message = $3, updated_at = $4 WHERE id = $1 AND worker = $2",
        task_id,
        worker,
        message,
        uow.now,
    )
    return bool(touched)


async def left_behind(uow: UnitOfWork, silence: timedelta, me: str) -> list[tuple[Task, bool]]:
    """Tasks of workers that are unknown or silent, those no worker took, and those of ``me`` (True); locked."""
    found = await uow.all(
        Task,
        f"SELECT {_SHOWN} FROM tasks WHERE (worker IS NOT NULL AND worker <> $3"
        " AND NOT EXISTS (SELECT 1 FROM services s WHERE s.host = tasks.worker AND s.last_seen > $1))"
        f" OR (status = '{PENDING}' AND updated_at < $2 AND deleted_at IS NULL) FOR UPDATE OF tasks SKIP LOCKED",
        uow.now - silence, uow.now - 2 * LOCK_LIVES, me,
    )  # fmt: skip
    mine = await uow.all(Task, f"SELECT {_SHOWN} FROM tasks WHERE worker = $1 FOR UPDATE SKIP LOCKED", me)
    return [*((task, False) for task in found), *((task, True) for task in mine)]


async def expire(uow: UnitOfWork, most: int) -> list[Task]:
    """Marks those whose time is over; answers them."""
    return await uow.all(
        Task,
        "UPDATE tasks SET deleted_at = $1 WHERE id IN (SELECT id FROM tasks WHERE deleted_at IS NULL"
        f" AND expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING {_SHOWN}",
        uow.now, most,
    )  # fmt: skip
