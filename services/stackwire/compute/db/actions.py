"""What was asked of a server and what the hosts did about it (``instance_actions`` and their events)."""

from collections.abc import Sequence

from stackwire.compute.domain.instance import Action, ActionEvent
from stackwire.db.pool import Session, UnitOfWork


async def start(uow: UnitOfWork, uuid: str, action: str) -> Action:
    """The caller's request, by its id, user and project."""
    made = await uow.one(
        Action,
        "INSERT INTO instance_actions (action, instance_uuid, request_id, user_id, project_id, start_time, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING *",
        action,
        uuid,
        uow.ctx.request_id,
        uow.ctx.user_id,
        uow.ctx.project_id,
        uow.now,
    )
    assert made is not None
    return made


async def begin_event(uow: UnitOfWork, uuid: str, request_id: str, event: str, host: str | None) -> None:
    """A step of the action that this request started; nothing when there is no such action."""
    await uow.execute(
        "INSERT INTO instance_actions_events (action_id, event, start_time, host)"
        " SELECT id, $3, $4, $5 FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2"
        " ORDER BY id DESC LIMIT 1",
        uuid,
        request_id,
        event,
        uow.now,
        host,
    )


async def end_event(
    uow: UnitOfWork, uuid: str, request_id: str, event: str, *, error: str | None = None, details: str | None = None
) -> None:
    """Success, or Error with its text; an error shows on the action too."""
    await uow.execute(
        "UPDATE instance_actions_events SET finish_time = $4, result = $5, traceback = $6, details = $7 WHERE id ="
        " (SELECT e.id FROM instance_actions_events AS e JOIN instance_actions AS a ON a.id = e.action_id"
        "   WHERE a.instance_uuid = $1 AND a.request_id = $2 AND e.event = $3 AND e.finish_time IS NULL"
        "   ORDER BY e.id DESC LIMIT 1)",
        uuid,
        request_id,
        event,
        uow.now,
        "Success" if error is None else "Error",
        error,
        details,
    )
    await uow.execute(
        "UPDATE instance_actions SET updated_at = $3, message = CASE WHEN $4 THEN 'Error' ELSE message END"
        " WHERE id = (SELECT id FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2"
        "             ORDER BY id DESC LIMIT 1)",
        uuid,
        request_id,
        uow.now,
        error is not None,
    )


async def listed(session: Session, uuid: str, *, limit: int | None = None, marker: str | None = None) -> list[Action]:
    """Newest first, behind the request ``marker`` names."""
    return await session.all(
        Action,
        "SELECT * FROM instance_actions WHERE instance_uuid = $1 AND ($2::text IS NULL OR id <"
        " (SELECT max(id) FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2))"
        " ORDER BY id DESC LIMIT $3",
        uuid,
        marker,
        limit,
    )


async def get(session: Session, uuid: str, request_id: str) -> Action | None:
    return await session.one(
        Action,
        "SELECT * FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2 ORDER BY id DESC LIMIT 1",
        uuid,
        request_id,
    )


async def events_of(session: Session, action_ids: Sequence[int]) -> list[ActionEvent]:
    """Newest first."""
    return await session.all(
        ActionEvent,
        "SELECT * FROM instance_actions_events WHERE action_id = ANY($1) ORDER BY id DESC",
        list(action_ids),
    )
