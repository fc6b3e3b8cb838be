"""What is announced of an aggregate: in both formats, at the beginning and the end of each change.

``nova/compute/utils.py: notify_about_aggregate_update, notify_about_aggregate_action``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.model_groups import Aggregate
from stackwire.compute.flows.notifications import Notifications
from stackwire.contracts.events_hosts import AggregateCachePayload, AggregatePayload, AggregateVerb
from stackwire.core.attributes import attributes
from stackwire.db.pool import UnitOfWork

_LEGACY = {
    "add_host": "addhost",
    "remove_host": "removehost",
    "update_prop": "updateprop",
    "update_metadata": "updatemetadata",
}
"""The unversioned names of changes, where they differ."""


def emit_change(
    notifications: Notifications,
    uow: UnitOfWork,
    verb: AggregateVerb,
    before: Mapping[str, Any],
    after: Aggregate,
    legacy: Mapping[str, Any],
    at_end: Mapping[str, Any] | None = None,
) -> None:
    """Start and end; ``before``: the aggregate's fields at the start, ``at_end``: what only the unversioned end has."""
    fields = attributes(after, "id uuid name hosts metadata")
    for phase, data, more in (("start", before, {}), ("end", fields, at_end or {})):
        payload = {**legacy, **more}
        publisher = notifications.on(str(payload.get("aggregate_id") or payload["name"]))
        publisher.emit(uow, "aggregate", f"aggregate.{_LEGACY.get(verb, verb)}.{phase}", payload, after.uuid)
        versioned = AggregatePayload.around({**fields, **data})
        notifications.emit_versioned(uow, "api", f"aggregate.{verb}.{phase}", versioned, after.uuid)


def emit_cache_phase(notifications: Notifications, uow: UnitOfWork, aggregate: Aggregate, phase: str) -> None:
    """The conductor begins to have images cached, or has done so."""
    payload = AggregatePayload.around(attributes(aggregate, "id uuid name hosts metadata"))
    notifications.emit_versioned(uow, "api", f"aggregate.cache_images.{phase}", payload, aggregate.uuid)


def emit_cache_progress(
    notifications: Notifications,
    uow: UnitOfWork,
    aggregate: Aggregate,
    host: str,
    result: Mapping[str, str],
    progress: Sequence[int],
) -> None:
    """One host is done. ``result``: image id to status; ``progress``: the host's number, and how many there are."""
    cached = [image for image, status in result.items() if status in ("cached", "existing")]
    data = attributes(aggregate, "id uuid name") | {
        "host": host,
        "images_cached": cached,
        "images_failed": [image for image in result if image not in cached],
        "index": progress[0],
        "total": progress[1],
    }
    payload = AggregateCachePayload.around(data)
    notifications.emit_versioned(uow, "conductor", "aggregate.cache_images.progress", payload, aggregate.uuid)
