"""Every change of a server is emitted twice: in Nova's unversioned format and in its versioned one.

Unversioned on topic ``notifications`` from ``compute.<host>``, versioned on ``versioned_notifications`` from
``nova-compute:<host>``; both leave with the transaction that made the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from stackwire.compute.domain import notifications
from stackwire.compute.domain.model import KeyPair, VolumeSwap
from stackwire.compute.domain.notification_payloads import fault_payload, printed, whole
from stackwire.compute.domain.notifications import NotificationContext
from stackwire.compute.domain.scheduler_events import legacy_spec, pci_requests_of, versioned_spec
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import data_of, request_spec_object
from stackwire.contracts.base import Event
from stackwire.contracts.events_compute import (
    UNVERSIONED,
    FailedAction,
    FailedMethod,
    InstanceAction,
    Phase,
    TaskMethod,
    VolumeVerb,
)
from stackwire.contracts.events_versioned import ComputeTaskPayload
from stackwire.db.pool import UnitOfWork

EXCHANGE = "nova"
VERSIONED_TOPIC = "versioned_notifications"
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notifications:
    """``host`` is the publisher; ``image_url`` the image API's address, for the links to images."""

    host: str
    image_url: str

    def on(self, host: str) -> "Notifications":
        """The same, published by another host."""
        return replace(self, host=host)

    def emit_update(self, uow: UnitOfWork, before: Server, after: Server, service: str = "compute") -> None:
        """``compute.instance.update`` and ``instance.update``, with the state before and after."""
        context, old = self._context(uow), before.instance
        # Nova emits a change before it has read back when that was written; when a soft deletion began it wrote itself
        deleted_at = old.deleted_at if after.instance.deleted else after.instance.deleted_at
        unread = replace(after.instance, updated_at=old.updated_at, deleted_at=deleted_at)
        after = after.with_instance(unread)
        legacy = notifications.legacy_update(old, after, context)
        self.emit(uow, service, "compute.instance.update", legacy, after.uuid)
        versioned = notifications.versioned_update(old, after, context)
        self.emit_versioned(uow, service.removeprefix("nova-"), "instance.update", versioned, after.uuid)

    def emit_action(
        self,
        uow: UnitOfWork,
        server: Server,
        action: InstanceAction,
        phase: Phase,
        legacy: Fields | None = None,
        versioned: Fields | None = None,
        source: str = "compute",
    ) -> None:
        """``compute.instance.<action>.<phase>`` and ``instance.<action>.<phase>``, with each format's own fields.

        ``source``: who does it, as the versioned format says.
        """
        context = self._context(uow)
        payload = notifications.legacy(server, context, **(legacy or {}))
        self.emit(uow, "compute", f"compute.instance.{UNVERSIONED.get(action, action)}.{phase}", payload, server.uuid)
        payload = notifications.versioned(server, context, action, **(versioned or {}))
        self.emit_versioned(uow, source, f"instance.{action}.{phase}", payload, server.uuid)

    def emit_error(
        self,
        uow: UnitOfWork,
        server: Server,
        action: FailedAction,
        error: BaseException,
        legacy: Fields | None = None,
        versioned: Fields | None = None,
    ) -> None:
        """The action's ``error`` in both formats, with priority ERROR."""
        context = self._context(uow)
        payload = notifications.legacy_error(server, context, error, **(legacy or {}))
        self.emit(uow, "compute", f"compute.instance.{action}.error", payload, server.uuid, "ERROR")
        fields = {**(versioned or {}), "fault": fault_payload(error, action)}
        payload = notifications.versioned(server, context, action, **fields)
        self.emit_versioned(uow, "compute", f"instance.{action}.error", payload, server.uuid, "ERROR")

    def emit_exception(
        self, uow: UnitOfWork, server: Server, method: FailedMethod, args: Fields, error: BaseException
    ) -> None:
        """A host's method failed: an event of the method's name, and ``compute.exception``.

        ``nova/exception_wrapper.py: wrap_exception``, which leaves out the arguments that are passwords.
        """
        arguments = {key: value for key, value in args.items() if "_pass" not in key}
        legacy = {"exception": printed(error), "args": {**arguments, "instance": whole(server)}}
        self.emit(uow, "compute", method, legacy, server.uuid, "ERROR")
        self.emit_versioned(uow, "compute", "compute.exception", fault_payload(error, method), server.uuid, "ERROR")

    def emit_create(
        self, uow: UnitOfWork, server: Server, phase: Phase, legacy: Fields, key: KeyPair | None = None
    ) -> None:
        """``compute.instance.create.<phase>`` and ``instance.create.<phase>``."""
        self.emit_action(uow, server, "create", phase, legacy, notifications.create_fields(server, key))

    def emit_create_error(self, uow: UnitOfWork, server: Server, error: BaseException) -> None:
        """``compute.instance.create.error`` and ``instance.create.error``."""
        self.emit_error(uow, server, "create", error, None, notifications.create_fields(server, None))

    def emit_exists(self, uow: UnitOfWork, before: Server, server: Server) -> None:
        """An audit before a rebuild: the unversioned format has the old image, the versioned one the new."""
        context = self._context(uow)
        legacy = notifications.legacy_exists(before, context)
        self.emit(uow, "compute", "compute.instance.exists", legacy, server.uuid)
        versioned = notifications.versioned_exists(server, context)
        self.emit_versioned(uow, "compute", "instance.exists", versioned, server.uuid)

    def emit_rebuild_scheduled(self, uow: UnitOfWork, server: Server) -> None:
        """By the conductor; the unversioned format has the host as its publisher."""
        context = self._context(uow)
        legacy = notifications.legacy(server, context)
        self.emit(uow, "compute", "compute.instance.rebuild.scheduled", legacy, server.uuid)
        versioned = notifications.versioned(server, context, "rebuild_scheduled", **notifications.certificates(server))
        self.emit_versioned(uow, "conductor", "instance.rebuild_scheduled", versioned, server.uuid)

    def emit_evacuate(self, uow: UnitOfWork, server: Server) -> None:
        """By the API; the unversioned format has a host as its publisher."""
        context = self._context(uow)
        legacy = notifications.legacy(server, context)
        self.emit(uow, "compute", "compute.instance.evacuate", legacy, server.uuid)
        versioned = notifications.versioned(server, context, "evacuate")
        self.emit_versioned(uow, "api", "instance.evacuate", versioned, server.uuid)

    def emit_lock(self, uow: UnitOfWork, server: Server, action: Literal["lock", "unlock"]) -> None:
        """By the API; the unversioned format has none."""
        versioned = notifications.versioned(server, self._context(uow), action)
        self.emit_versioned(uow, "api", f"instance.{action}", versioned, server.uuid)

    def emit_task_error(self, uow: UnitOfWork, server: Server, error: BaseException, method: TaskMethod) -> None:
        """The conductor's ``method`` failed; the hints and the group are only in the scheduler's own notifications.

        ``nova/scheduler/utils.py: set_vm_state_and_notify``.
        """
        spec = data_of(request_spec_object(server, server.request_spec.get("image") or {}))
        request = legacy_spec(spec, server, pci_requests_of(uow.ctx, None))
        state: dict[str, Any] = {"state": server.instance.vm_state}
        legacy = state | {
            "request_spec": request,
            "instance_properties": request["instance_properties"],
            "instance_id": server.uuid,
            "method": method,
            "reason": printed(error),
        }
        self.emit(uow, "compute_task", f"compute_task.{method}", legacy, server.uuid, "ERROR")
        data = state | {
            "instance_uuid": server.uuid,
            "request_spec": versioned_spec({**spec, "scheduler_hints": {}}, server, None, security_groups=()),
            "reason": fault_payload(error, method),
        }
        versioned = ComputeTaskPayload.around(data)
        self.emit_versioned(uow, "conductor", f"compute_task.{method}.error", versioned, server.uuid, "ERROR")

    def emit_volume(self, uow: UnitOfWork, server: Server, action: VolumeVerb, phase: Phase, volume_id: str) -> None:
        """``action`` attach or detach; the unversioned format has only the end, without a phase."""
        context = self._context(uow)
        if phase == "end":
            legacy = notifications.legacy(server, context, volume_id=volume_id)
            self.emit(uow, "compute", f"compute.instance.volume.{action}", legacy, server.uuid)
        versioned = notifications.versioned(server, context, f"volume_{action}", volume_id=volume_id)
        self.emit_versioned(uow, "compute", f"instance.volume_{action}.{phase}", versioned, server.uuid)

    def emit_volume_error(
        self, uow: UnitOfWork, server: Server, action: VolumeVerb, volume_id: str, error: BaseException
    ) -> None:
        """``instance.volume_<action>.error``; the unversioned format has none."""
        fields = {"volume_id": volume_id, "fault": fault_payload(error, f"{action}_volume")}
        versioned = notifications.versioned(server, self._context(uow), f"volume_{action}", **fields)
        self.emit_versioned(uow, "compute", f"instance.volume_{action}.error", versioned, server.uuid, "ERROR")

    def emit_swap(self, uow: UnitOfWork, server: Server, phase: Phase, swap: VolumeSwap) -> None:
        """``instance.volume_swap.<phase>``; the unversioned format has none."""
        versioned = notifications.versioned(server, self._context(uow), "volume_swap", **_volumes(swap))
        self.emit_versioned(uow, "compute", f"instance.volume_swap.{phase}", versioned, server.uuid)

    def emit_swap_error(self, uow: UnitOfWork, server: Server, swap: VolumeSwap, error: BaseException) -> None:
        """``instance.volume_swap.error``, and the failure of the host's method."""
        fields = {**_volumes(swap), "fault": fault_payload(error, "swap_volume")}
        versioned = notifications.versioned(server, self._context(uow), "volume_swap", **fields)
        self.emit_versioned(uow, "compute", "instance.volume_swap.error", versioned, server.uuid, "ERROR")
        self.emit_exception(uow, server, "swap_volume", _volumes(swap), error)

    def emit(
        self, uow: UnitOfWork, service: str, event_type: str, payload: Fields, resource: str, priority: str = "INFO"
    ) -> None:
        """An unversioned notification about the resource of this id."""
        self._notify(uow, "notifications", f"{service}.{self.host}", event_type, payload, resource, priority)

    def emit_versioned(
        self, uow: UnitOfWork, service: str, event_type: str, payload: Fields, resource: str, priority: str = "INFO"
    ) -> None:
        """A versioned notification about the resource of this id."""
        self._notify(uow, VERSIONED_TOPIC, f"nova-{service}:{self.host}", event_type, payload, resource, priority)

    def _notify(
        self,
        uow: UnitOfWork,
        topic: str,
        publisher: str,
        event_type: str,
        payload: Fields,
        resource: str,
        priority: str,
    ) -> None:
        uow.notify(
            Event(
                exchange=EXCHANGE,
                topic=topic,
                event_type=event_type,
                publisher_id=publisher,
                payload=payload,
                priority=priority,
                resource=resource,
            )
        )

    def _context(self, uow: UnitOfWork) -> NotificationContext:
        ctx = uow.ctx
        return NotificationContext(
            now=uow.now,
            request_id=ctx.request_id,
            user_id=ctx.user_id,
            project_id=ctx.project_id,
            image_url=self.image_url,
        )


def _volumes(swap: VolumeSwap) -> Fields:
    return {"old_volume_id": swap.old_volume_id, "new_volume_id": swap.new_volume_id}
