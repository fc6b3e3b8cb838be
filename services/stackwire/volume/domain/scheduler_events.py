"""What the scheduler says where no back end will do."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts.base import Event
from stackwire.contracts.events_volume import SchedulerMethod
from stackwire.contracts.volume_workers import HOST
from stackwire.core.errors import ServiceError
from stackwire.volume.domain import objects
from stackwire.volume.domain.notifications import EXCHANGE


def scheduling_failed(
    method: SchedulerMethod,
    request_spec: Mapping[str, Any],
    error: ServiceError,
    state: str | dict[str, Any],
    *,
    volume_id: str | None = None,
    snapshot_id: str | None = None,
) -> Event:
    """``scheduler.<method>``, of priority ERROR. ``state``: what became of the volume or snapshot.

    ``cinder/scheduler/manager.py: _set_volume_state_and_notify``, ``ScheduleCreateVolumeTask._notify_failure``.
    """
    spec = objects.primitive(request_spec)
    payload = {"request_spec": spec, "state": state, "method": method, "reason": f"NoValidBackend('{error.message}')"}
    if snapshot_id is not None:
        payload["snapshot_id"] = snapshot_id
    else:
        payload |= {"volume_id": volume_id, "volume_properties": spec.get("volume_properties", {})}
    return Event(
        exchange=EXCHANGE,
        event_type=f"scheduler.{method}",
        publisher_id=f"scheduler.{HOST}",
        payload=payload,
        priority="ERROR",
        resource=snapshot_id or volume_id,
    )
