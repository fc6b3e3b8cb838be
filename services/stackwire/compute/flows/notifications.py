"""Every change is said twice: in Nova's unversioned format and in its versioned one.

Unversioned on topic ``notifications`` from ``compute.<host>``, versioned on ``versioned_notifications`` from
``nova-compute:<host>``; both leave with the transaction that made the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.domain import notifications
from stackwire.compute.domain.model import KeyPair
from stackwire.compute.domain.notifications import Teller
from stackwire.compute.domain.server import Server
from stackwire.contracts.base import Event
from stackwire.contracts.events_compute import FailedAction, InstanceAction, Phase, VolumeVerb
from stackwire.db.pool import UnitOfWork

EXCHANGE = "nova"
VERSIONED = "versioned_notifications"


@dataclass(frozen=True, slots=True)
class Events:
    """``host`` is who tells; ``image_url`` the image API's address, for the links to images."""

    host: str
    image_url: str

    def announce(self, uow: UnitOfWork, before: Server, after: Server, service: str = "compute") -> None:
        """``compute.instance.update`` and ``instance.update``: the server was like this, and is like that now."""
        teller = self.teller(uow)
        old = before.instance
        # Nova tells of a change before it has read back when that was written
        as_told = replace(after.instance, updated_at=old.updated_at, deleted_at=old.deleted_at)
        after = replace(after, instance=as_told)
        self.say(uow, service, "compute.instance.update", notifications.legacy_update(old, after, teller), after.uuid)
        self.say_versioned(
            uow, service, "instance.update", notifications.versioned_update(old, after, teller), after.uuid
        )

    def action(
        self,
        uow: UnitOfWork,
        server: Server,
        action: InstanceAction,
        phase: Phase,
        legacy: Mapping[str, Any] | None = None,
        versioned: Mapping[str, Any] | None = None,
    ) -> None:
        """``compute.instance.<action>.<phase>`` and ``instance.<action>.<phase>``, with each format's own fields."""
        teller = self.teller(uow)
        flat = notifications.legacy(server, teller, **(legacy or {}))
        self.say(uow, "compute", f"compute.instance.{action}.{phase}", flat, server.uuid)
        rich = notifications.versioned(server, teller, action, **(versioned or {}))
        self.say_versioned(uow, "compute", f"instance.{action}.{phase}", rich, server.uuid)

    def error(
        self,
        uow: UnitOfWork,
        server: Server,
        action: FailedAction,
        error: BaseException,
        legacy: Mapping[str, Any] | None = None,
        versioned: Mapping[str, Any] | None = None,
    ) -> None:
        """The action's ``error`` in both formats, with priority ERROR."""
        teller = self.teller(uow)
        flat = notifications.legacy_error(server, teller, error, **(legacy or {}))
        self.say(uow, "compute", f"compute.instance.{action}.error", flat, server.uuid, "ERROR")
        told = {**(versioned or {}), "fault": notifications.fault_payload(error, action)}
        rich = notifications.versioned(server, teller, action, **told)
        self.say_versioned(uow, "compute", f"instance.{action}.error", rich, server.uuid, "ERROR")

    def create(
        self, uow: UnitOfWork, server: Server, phase: Phase, legacy: Mapping[str, Any], key: KeyPair | None = None
    ) -> None:
        self.action(uow, server, "create", phase, legacy, notifications.created(server, key))

    def create_error(self, uow: UnitOfWork, server: Server, error: BaseException) -> None:
        self.error(uow, server, "create", error, None, notifications.created(server, None))

    def exists(self, uow: UnitOfWork, was: Server, server: Server) -> None:
        """An audit before a rebuild: the unversioned format tells of the old image, the versioned one of the new."""
        teller = self.teller(uow)
        self.say(uow, "compute", "compute.instance.exists", notifications.legacy_exists(was, teller), server.uuid)
        self.say_versioned(
            uow, "compute", "instance.exists", notifications.versioned_exists(server, teller), server.uuid
        )

    def rebuild_scheduled(self, uow: UnitOfWork, server: Server) -> None:
        """The conductor's word, which the unversioned format puts into the host's mouth."""
        teller = self.teller(uow)
        flat = notifications.legacy(server, teller)
        self.say(uow, "compute", "compute.instance.rebuild.scheduled", flat, server.uuid)
        rich = notifications.versioned(server, teller, "rebuild_scheduled", trusted_image_certificates=None)
        self.say_versioned(uow, "conductor", "instance.rebuild_scheduled", rich, server.uuid)

    def volume(self, uow: UnitOfWork, server: Server, action: VolumeVerb, phase: Phase, volume_id: str) -> None:
        """``action`` attach or detach; the unversioned format tells only of the end, without a phase."""
        teller = self.teller(uow)
        if phase == "end":
            flat = notifications.legacy(server, teller, volume_id=volume_id)
            self.say(uow, "compute", f"compute.instance.volume.{action}", flat, server.uuid)
        rich = notifications.versioned(server, teller, f"volume_{action}", volume_id=volume_id)
        self.say_versioned(uow, "compute", f"instance.volume_{action}.{phase}", rich, server.uuid)

    def volume_error(
        self, uow: UnitOfWork, server: Server, action: VolumeVerb, volume_id: str, error: BaseException
    ) -> None:
        told = {"volume_id": volume_id, "fault": notifications.fault_payload(error, f"{action}_volume")}
        rich = notifications.versioned(server, self.teller(uow), f"volume_{action}", **told)
        self.say_versioned(uow, "compute", f"instance.volume_{action}.error", rich, server.uuid, "ERROR")

    def teller(self, uow: UnitOfWork) -> Teller:
        ctx = uow.ctx
        return Teller(
            now=uow.now,
            request_id=ctx.request_id,
            user_id=ctx.user_id,
            project_id=ctx.project_id,
            image_url=self.image_url,
        )

    def say(
        self, uow: UnitOfWork, service: str, event_type: str, payload: Mapping[str, Any], about: str,
        priority: str = "INFO",
    ) -> None:  # fmt: skip
        uow.notify(
            Event(
                exchange=EXCHANGE,
                event_type=event_type,
                publisher_id=f"{service}.{self.host}",
                payload=payload,
                priority=priority,
                resource=about,
            )
        )

    def say_versioned(
        self, uow: UnitOfWork, service: str, event_type: str, payload: Mapping[str, Any], about: str,
        priority: str = "INFO",
    ) -> None:  # fmt: skip
        uow.notify(
            Event(
                exchange=EXCHANGE,
                topic=VERSIONED,
                event_type=event_type,
                publisher_id=f"nova-{service}:{self.host}",
                payload=payload,
                priority=priority,
                resource=about,
            )
        )
