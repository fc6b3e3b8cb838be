"""What the hosts did about what was asked of a server (``instance_actions_events``), and the guest they defined."""

from stackwire.db.pool import UnitOfWork

_LATEST = "SELECT id FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2 ORDER BY id DESC LIMIT 1"


async def begin_event(uow: UnitOfWork, uuid: str, event: str, host: str) -> None:
    """A step of the action that this request started; nothing when there is no such action."""
    await uow.execute(
        "INSERT INTO instance_actions_events (action_id, event, start_time, host)"
        f" SELECT id, $3, $4, $5 FROM ({_LATEST}) AS a",
        uuid,
        uow.ctx.request_id,
        event,
        uow.now,
        host,
    )


async def end_event(uow: UnitOfWork, uuid: str, event: str, *, error: str | None = None, trace: str = "") -> None:
    """Success, or Error with its text, which then shows on the action too."""
    await uow.execute(
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
    await uow.execute(
        "UPDATE instance_actions SET updated_at = $3, message = CASE WHEN $4 THEN 'Error' ELSE message END"
        f" WHERE id = ({_LATEST})",
        uuid,
        uow.ctx.request_id,
        uow.now,
        error is not None,
    )


async def set_guest(uow: UnitOfWork, uuid: str, guest_xml: str | None) -> None:
    await uow.execute("UPDATE instance_extra SET guest_xml = $2 WHERE instance_uuid = $1", uuid, guest_xml)
