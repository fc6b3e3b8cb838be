"""What was done to a server, as each version shows it. ``nova/api/openstack/compute/instance_actions.py``."""

from typing import Any

from stackwire.compute.domain.model import Action, ActionEvent
from stackwire.compute.domain.server import ActionDetails
from stackwire.compute.http.views.links import usage_timestamp
from stackwire.compute.http.views.servers import host_id


def action_brief(action: Action, version: tuple[int, int]) -> dict[str, Any]:
    """An entry of the list."""
    view: dict[str, Any] = {
        "action": action.action,
        "instance_uuid": action.instance_uuid,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": usage_timestamp(action.start_time),
        "message": action.message,
    }
    return view | ({"updated_at": usage_timestamp(action.updated_at)} if version >= (2, 58) else {})


def action_view(details: ActionDetails, version: tuple[int, int]) -> dict[str, Any]:
    """An action alone; its events since 2.51, before for administrators."""
    view = action_brief(details.action, version)
    if version >= (2, 51) or details.event_details:
        view["events"] = [_event(details, event, version) for event in details.events]
    return view


def _event(details: ActionDetails, event: ActionEvent, version: tuple[int, int]) -> dict[str, Any]:
    view: dict[str, Any] = {
        "event": event.event,
        "start_time": usage_timestamp(event.start_time),
        "finish_time": usage_timestamp(event.finish_time),
        "result": event.result,
    }
    if details.event_details:
        view["traceback"] = event.traceback
    if version >= (2, 62):
        view["hostId"] = host_id(details.server_project_id, event.host)
        if details.event_details:
            view["host"] = event.host
    if version >= (2, 84) and details.event_details:
        view["details"] = event.details
    return view
