"""Where each property of a resource came from, what every transfer did to it, and where it is now."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stackwire.core.lineage import PropertyChange, as_text, compare
from stackwire.trace.domain import transfers
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.property_history import PropertyHistory
from stackwire.trace.domain.redact import redacted
from stackwire.trace.domain.resources import Resource

DELETE_EVENTS = frozenset(
    {"image.delete", "volume.delete.end", "snapshot.delete.end", "compute.instance.delete.end", "instance.delete.end"}
)
IMAGE_EVENTS = frozenset({"image.create", "image.update", "image.activate"})
MAX_TRANSFERS = 20_000
"""Transfers kept; the oldest are dropped first."""


class Lineage:
    """All transfers seen, newest last, bounded by ``limit``. Answers are computed on request."""

    def __init__(self, limit: int = MAX_TRANSFERS) -> None:
        self._limit = limit
        self._transfers: deque[transfers.Transfer] = deque(maxlen=limit)
        self._state: dict[Resource, dict[str, str | None]] = {}
        self._deleted: set[Resource] = set()
        self._history = PropertyHistory(self._transfers, self._state, self._deleted)
        self._count = 0
        self.names: dict[str, Resource] = {}
        self.new_names: dict[str, Resource] | None = None
        """Names since they were last saved; None when nobody saves them."""

    def __len__(self) -> int:
        return len(self._transfers)

    @property
    def count(self) -> int:
        """The number of the latest transfer."""
        return self._count

    @property
    def forgotten(self) -> int:
        """Transfers that exceeded the bound."""
        return self._count - len(self._transfers)

    # -- recording

    def record(self, message: Message) -> bool:
        """Takes a transfer event, the properties in an image notification, and the deletion of a resource. True when
        there was something to take."""
        if message.step == "deliver":
            return False
        payload = message.raw.get("payload") if isinstance(message.raw, Mapping) else None
        if not isinstance(payload, Mapping):
            return False
        self._learn_name(message, payload)
        return self._record_deletion(message) or self._record_transfer(message, payload) is not None

    def _record_deletion(self, message: Message) -> bool:
        """A deleted resource has no properties; an image with a later event was restored."""
        known = [resource for resource in message.resources if resource in self._state]
        if message.name in DELETE_EVENTS:
            deleted = [*known, *(Resource("guest", resource.id) for resource in known if resource.kind == "server")]
            self._deleted.update(deleted)
            return bool(deleted)
        if message.name.startswith("image.") and message.kind == "notification":
            self._deleted.difference_update(known)
        return False

    def _record_transfer(self, message: Message, payload: Mapping[str, Any]) -> transfers.Transfer | None:
        if message.kind == "crossing":
            return self._record_transfer_event(message, redacted(payload))
        if message.name in IMAGE_EVENTS:
            return self._record_image_event(message, redacted(payload))
        return None

    def _learn_name(self, message: Message, payload: Mapping[str, Any]) -> None:
        """Notifications contain ids and names. The later of two resources with one name has it."""
        name = payload.get("display_name") or (payload.get("name") if message.name.startswith("image.") else None)
        if message.resources and isinstance(name, str) and name:
            self.names.pop(name, None)
            self.names[name] = message.resources[0]
            if self.new_names is not None:
                self.new_names.pop(name, None)
                self.new_names[name] = message.resources[0]
            if len(self.names) > MAX_TRANSFERS:
                self.names.pop(next(iter(self.names)))

    def _record_transfer_event(self, message: Message, payload: Mapping[str, Any]) -> transfers.Transfer | None:
        before, after = payload.get("before"), payload.get("after")
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            return None
        observed = transfers.Observation(
            time=message.time,
            request_id=message.global_request_id or message.request_id,
            origin=Resource(str(payload.get("from_kind")), str(payload.get("from_id"))),
            target=Resource(str(payload.get("to_kind")), str(payload.get("to_id"))),
            before=before,
            after=after,
            rule=str(payload.get("rule", "")),
            source=str(payload.get("source", "")),
            prefix=str(payload.get("prefix", "")),
            partial=payload.get("partial") is True,
        )
        return self._add_user_change(observed) if observed.by_user and before == after else self._add(observed)

    def _add_user_change(self, observed: transfers.Observation) -> transfers.Transfer:
        """A user's change without its ``before``, which the known state supplies.

        The notification of the same change may have been received earlier; it contains the owner only, so the user
        replaces the owner in it.
        """
        target = observed.target
        known = self._state.get(target, {})
        if all(key in known and known[key] == as_text(value) for key, value in observed.after.items()):
            for at in range(len(self._transfers) - 1, -1, -1):
                transfer = self._transfers[at]
                if transfer.target == target and transfer.by_user and transfer.rule == observed.rule:
                    self._transfers[at] = replace(
                        transfer, origin=observed.origin, source=observed.source, request_id=observed.request_id
                    )
                    return self._transfers[at]
        after = {**known, **observed.after}
        return self._add(replace(observed, before=known, after=after, prefix="", partial=False))

    def _record_image_event(self, message: Message, payload: Mapping[str, Any]) -> transfers.Transfer | None:
        """Glance's notifications contain all properties of an image; what no transfer explains, its owner did."""
        properties, id = payload.get("properties"), payload.get("id")
        if not isinstance(properties, Mapping) or not isinstance(id, str):
            return None
        image = Resource("image", id)
        attributes, known = self._image_state(image)
        now = {key: as_text(value) for key, value in properties.items() if value is not None}
        if message.name == "image.create":  # the first event of an image: what is known besides was set later
            now = {**known, **now}
        if known == now:
            return None
        return self._add(
            transfers.Observation(
                time=message.time,
                request_id=message.global_request_id or message.request_id,
                origin=Resource("client", str(payload.get("owner") or "")),
                target=image,
                before={**attributes, **known},
                after={**attributes, **now},
                rule=message.name,
                source=transfers.FROM_NOTIFICATION,
            )
        )

    def _image_state(self, image: Resource) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """The attributes and the properties of an image that have a value."""
        attributes: dict[str, str | None] = {}
        properties: dict[str, str | None] = {}
        for key, value in self._state.get(image, {}).items():
            if value is not None:
                (attributes if key in transfers.GLANCE_ATTRIBUTES else properties)[key] = value
        return attributes, properties

    def _add(self, observed: transfers.Observation) -> transfers.Transfer:
        self._count += 1
        transfer = transfers.Transfer(
            number=self._count,
            time=observed.time,
            origin=observed.origin,
            target=observed.target,
            rule=observed.rule,
            source=observed.source,
            request_id=observed.request_id,
            changes=tuple(self._changes(observed)),
        )
        self._transfers.append(transfer)
        self._update_state(observed)
        return transfer

    def _changes(self, observed: transfers.Observation) -> Iterator[PropertyChange]:
        own = self._state.get(observed.target, {})
        for change in compare(observed.before, observed.after, observed.prefix):
            if observed.partial and change.after_key is None:
                continue
            # What the target kept of its own was not added by the transfer, though the event contains the whole.
            kept = change.outcome == "added" and own.get(change.after_key or "") == change.after
            if observed.keeps_others or not kept:
                yield change
        if not observed.keeps_others:
            yield from self._displaced(observed)

    def _displaced(self, observed: transfers.Observation) -> Iterator[PropertyChange]:
        """What the target had and has no more: a rebuild removes the old image's properties."""
        if observed.origin == observed.target or observed.by_user:
            return
        for key, value in sorted(self._state.get(observed.target, {}).items()):
            if key not in observed.after:
                yield PropertyChange(f"{transfers.DISPLACED}{key}", None, "dropped", value, None)

    def _update_state(self, observed: transfers.Observation) -> None:
        origin, target = observed.origin, observed.target
        if not observed.by_user:  # the origin has what the event shows, whoever set it
            self._state.setdefault(origin, {}).update({key: as_text(value) for key, value in observed.before.items()})
        kept = self._state.get(target, {}) if observed.keeps_others and not observed.by_user else {}
        self._deleted.discard(target)
        self._state[target] = {**kept, **{key: as_text(value) for key, value in observed.after.items()}}
        if len(self._state) > self._limit:
            oldest = next(iter(self._state))
            self._state.pop(oldest)
            self._deleted.discard(oldest)

    # -- queries

    def has_transfer(self, resource: Resource, *, after: int) -> bool:
        """True when a transfer later than number ``after`` led to the resource."""
        return any(transfer.target == resource and transfer.number > after for transfer in reversed(self._transfers))

    def transfers_to(self, resource: Resource) -> list[transfers.Transfer]:
        """Every transfer that led to the resource, the latest first, displaced properties under their own keys."""
        return [transfer.undisplaced() for transfer in reversed(self._transfers) if transfer.target == resource]

    def unexplained(self, resource: Resource) -> list[str]:
        """Properties only a notification mentioned so far: the transfer that explains them is yet to come, if any."""
        found = []
        for key in sorted(self._state.get(resource, {}).keys() - transfers.GLANCE_ATTRIBUTES):
            step = self._history.last_step(resource, key, float("inf"))
            if step is not None and step.transfer.source == transfers.FROM_NOTIFICATION:
                found.append(key)
        return found

    def resources(self) -> list[Resource]:
        """Everything properties went from or to, the latest last."""
        found: dict[Resource, None] = {}
        for transfer in self._transfers:
            for resource in (transfer.origin, transfer.target):
                if resource.kind != "client":
                    found.pop(resource, None)
                    found[resource] = None
        return list(found)

    def find(self, wanted: str) -> Resource | None:
        """The resource of an id, the beginning of one, or a name; ``kind:id`` where that could be two resources."""
        kind, colon, id = wanted.rpartition(":")
        matches = [
            resource
            for resource in self.resources()
            if resource.id.startswith(id) and (not colon or resource.kind == kind)
        ]
        exact = [resource for resource in matches if resource.id == id]
        # A server and its guest definition have the same id; the server is what is meant.
        found = next(iter(sorted(exact or matches, key=lambda match: match.kind == "guest")), None)
        return found if found is not None and exact else self.names.get(wanted, found)

    def is_deleted(self, resource: Resource) -> bool:
        """True after the resource's deletion."""
        return resource in self._deleted

    def now(self, resource: Resource) -> dict[str, str | None]:
        """The properties of a resource as far as they are known."""
        return dict(self._state.get(resource, {}))

    def set_by(self, resource: Resource, key: str, *, until: int) -> tuple[transfers.TransferStep | None, str]:
        """The step that set a property as it was after transfer number ``until``, and who had set its value first."""
        return self._history.set_by(resource, key, until=until)

    def properties_of(self, resource: Resource) -> list[transfers.Property]:
        """Every property the resource has or had, by name."""
        return self._history.properties_of(resource)
