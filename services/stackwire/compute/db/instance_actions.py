"""What was done to servers (``instance_actions``), and what the hosts did about it (``instance_actions_events``)."""

from stackwire.compute.domain.model import Action, ActionEvent
from stackwire.compute.domain.requests import ListActionsRequest
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(Action, "instance_actions")
EVENTS = Table(ActionEvent, "instance_actions_events", touch=None)
_LATEST = "SELECT id FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2 ORDER BY id DESC LIMIT 1"


async def start(uow: UnitOfWork, ctx: RequestContext, uuid: str, action: str) -> None:
    """Records the operation on the server, by whom, in which request."""
    await uow.execute(
        "INSERT INTO instance_actions (action, instance_uuid, request_id, user_id, project_id, start_time, created_at,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        action,
        uuid,
        ctx.request_id,
        ctx.user_id,
        ctx.project_id,
        uow.now,
    )


async def withdraw(uow: UnitOfWork, uuid: str) -> None:
    """The request was refused after all: its action, which nobody did anything about, is none."""
    await uow.execute(
        f"DELETE FROM instance_actions WHERE id = ({_LATEST})"
        " AND NOT EXISTS (SELECT FROM instance_actions_events AS e WHERE e.action_id = instance_actions.id)",
        uuid,
        uow.ctx.request_id,
    )


async def list_page(
    session: Session, uuid: str, page: ListActionsRequest, marker: Action | None = None
) -> list[Action]:
    """Newest first, those older than ``marker``."""
    return await session.all(
        Action,
        f"SELECT {TABLE.columns} FROM instance_actions WHERE instance_uuid = $1"
        " AND ($3::bigint IS NULL OR (created_at, id) < ($4::timestamptz, $3))"
        " AND ($5::timestamptz IS NULL OR coalesce(updated_at, created_at) >= $5)"
        " AND ($6::timestamptz IS NULL OR coalesce(updated_at, created_at) <= $6)"
        " ORDER BY created_at DESC, id DESC LIMIT $2",
        uuid,
        page.limit,
        marker and marker.id,
        marker and marker.created_at,
        page.since,
        page.before,
    )


async def get(session: Session, uuid: str, request_id: str) -> Action | None:
    """The latest action of the request."""
    return await session.one(
        Action,
        f"SELECT {TABLE.columns} FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2"
        " ORDER BY id DESC LIMIT 1",
        uuid,
        request_id,
    )


async def list_events(session: Session, action_id: int) -> list[ActionEvent]:
    """Newest first."""
    return await EVENTS.find(session, order="id DESC", action_id=action_id)


async def begin_event(uow: UnitOfWork, uuid: str, event: str, host: str | None) -> bool:
    """A step of the action that this request started; False when there is no such action, or when the step is under
    way or done: only one that failed is begun again, perhaps by another host."""
    begun = await uow.execute(
        "INSERT INTO instance_actions_events (action_id, event, start_time, host)"
        f" SELECT id, $3::varchar, $4, $5 FROM ({_LATEST}) AS a"
        " ON CONFLICT (action_id, event) WHERE finish_time IS NULL OR result = 'Success' DO NOTHING",
        uuid,
        uow.ctx.request_id,
        event,
        uow.now,
        host,
    )
    return bool(begun)


async def is_done(uow: UnitOfWork, uuid: str, event: str) -> bool:
    """Whether that step of the action that this request started has succeeded."""
    return bool(
        await uow.value(
            "SELECT 1 FROM instance_actions_events"
            f" WHERE action_id = ({_LATEST}) AND event = $3 AND result = 'Success'",
            uuid,
            uow.ctx.request_id,
            event,
        )
    )


async def end_event(uow: UnitOfWork, uuid: str, event: str, *, error: str | None = None, trace: str = "") -> bool:
    """Success, or Error with its text, which then shows on the action too. False when it has ended already."""
    ended = await uow.execute(
        "UPDATE instance_actions_events SET finish_time = $4, result = $5, details = $6, traceback = $7"
        f" WHERE action_id = ({_LATEST}) AND event = $3 AND finish_time IS NULL",
        uuid,
        uow.ctx.request_id,
        event,
        uow.now,
        "Success" if error is None else "Error",
        error,
        trace or None,
    )
    if not ended and error is None:
        return False
    await uow.execute(
        "UPDATE instance_actions SET updated_at = $3, message = CASE WHEN $4 THEN 'Error' ELSE message END"
        f" WHERE id = ({_LATEST})",
        uuid,
        uow.ctx.request_id,
        uow.now,
        error is not None,
    )
    return bool(ended)
