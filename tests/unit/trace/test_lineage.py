"""Lineage from transfer events: who set a property, what became of it, where it is now."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest

from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import WireMessage
from stackwire.trace.domain.questions import where
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import Property

IMAGE, VOLUME, SERVER = Resource("image", "img-1"), Resource("volume", "vol-1"), Resource("server", "srv-1")
USER = Resource("client", "user-1")


class TransferEvents:
    """Transfer events in the form they have on the wire, one second apart."""

    def __init__(self) -> None:
        self.lineage = Lineage()
        self._decoder = Decoder()
        self._time = 0.0

    def transfer(
        self, origin: Resource, target: Resource, before: Mapping[str, Any], after: Mapping[str, Any], **more: Any
    ) -> None:
        payload = {
            "from_kind": origin.kind, "from_id": origin.id, "to_kind": target.kind, "to_id": target.id,
            "rule": "test.rule", "source": "", "prefix": "", "before": before, "after": after, **more,
        }  # fmt: skip
        self.event("properties.crossed", payload, "stackwire", "lineage.info")

    def event(self, name: str, payload: Mapping[str, Any], exchange: str = "glance", key: str = "n.info") -> None:
        self._time += 1
        body = {"event_type": name, "publisher_id": "x.y", "priority": "INFO", "payload": payload}
        self.lineage.record(self._decoder.decode(WireMessage("publish", exchange, key, (), body, self._time)))

    def of(self, resource: Resource) -> dict[str, Property]:
        return {found.key: found for found in self.lineage.properties_of(resource)}


@pytest.fixture
def events() -> TransferEvents:
    return TransferEvents()


def a_journey(events: TransferEvents) -> None:
    events.transfer(USER, IMAGE, {}, {"hw_disk_bus": "scsi", "note": "n" * 300}, rule="client.create")
    events.transfer(
        IMAGE, VOLUME, {"hw_disk_bus": "scsi", "note": "n" * 300}, {"hw_disk_bus": "scsi", "note": "n" * 300}
    )
    events.transfer(
        VOLUME,
        SERVER,
        {"hw_disk_bus": "scsi", "note": "n" * 300},
        {"image_hw_disk_bus": "scsi", "image_note": "n" * 255, "owner_user_name": "demo"},
        rule="compute.system_metadata",
        source="nova/utils.py: get_system_metadata_from_image",
        prefix="image_",
    )


def test_the_past_of_a_property_leads_back_to_who_set_it(events: TransferEvents) -> None:
    a_journey(events)
    found = events.of(SERVER)["image_hw_disk_bus"]
    assert [(step.transfer.target.kind, step.change.outcome) for step in found.past] == [
        ("image", "added"),
        ("volume", "carried"),
        ("server", "renamed"),
    ]
    assert found.set_by == "user user-1 (client.create)"
    assert found.value == "scsi"


def test_the_future_of_a_property_shows_where_it_is_now(events: TransferEvents) -> None:
    a_journey(events)
    found = events.of(IMAGE)["note"]
    assert [(step.transfer.target.kind, step.change.outcome) for step in found.future] == [
        ("volume", "carried"),
        ("server", "truncated"),
    ]
    assert [(where.kind, key, len(value or "")) for where, key, value in found.now] == [
        ("image", "note", 300),
        ("volume", "note", 300),
        ("server", "image_note", 255),
    ]


def test_what_a_rule_added_was_set_by_the_rule(events: TransferEvents) -> None:
    a_journey(events)
    assert events.of(SERVER)["owner_user_name"].set_by == "compute.system_metadata"


def test_a_dropped_property_ends_at_the_transfer_that_dropped_it(events: TransferEvents) -> None:
    events.transfer(VOLUME, IMAGE, {"min_disk": "1", "a": "1"}, {"a": "1"}, rule="volume.for_image")
    found = events.of(VOLUME)["min_disk"]
    assert [(step.change.outcome, step.transfer.rule) for step in found.future] == [("dropped", "volume.for_image")]
    assert [where for where, _, _ in found.now] == [VOLUME]
    assert "min_disk" not in events.of(IMAGE)


def test_a_property_a_user_changed_on_its_path_was_set_by_that_user(events: TransferEvents) -> None:
    a_journey(events)
    events.transfer(USER, VOLUME, {"hw_disk_bus": "scsi"}, {"hw_disk_bus": "virtio"}, rule="client.set")
    found = events.of(VOLUME)
    assert found["hw_disk_bus"].set_by == "user user-1 (client.set)"
    assert found["hw_disk_bus"].value == "virtio"


def test_setting_one_property_leaves_the_path_of_the_others_alone(events: TransferEvents) -> None:
    events.transfer(IMAGE, VOLUME, {"a": "1"}, {"a": "1"}, rule="volume.capture")
    events.transfer(USER, VOLUME, {"a": "1"}, {"a": "1", "b": "2"}, rule="client.set")
    assert [step.transfer.rule for step in events.of(VOLUME)["a"].past] == ["volume.capture"]


def test_a_property_a_user_removed_has_no_value(events: TransferEvents) -> None:
    events.transfer(IMAGE, VOLUME, {"a": "1"}, {"a": "1"})
    events.transfer(USER, VOLUME, {"a": "1"}, {}, rule="client.unset")
    found = events.of(VOLUME)["a"]
    assert (found.value, [step.change.outcome for step in found.future]) == (None, ["dropped"])


def test_a_rebuild_replaces_the_properties_of_the_old_image(events: TransferEvents) -> None:
    other = Resource("image", "img-2")
    events.transfer(IMAGE, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
    events.transfer(other, SERVER, {"b": "2"}, {"image_b": "2"}, prefix="image_", rule="compute.rebuilt")
    found = events.of(SERVER)
    assert found["image_a"].value is None
    assert [(step.change.outcome, step.transfer.rule) for step in found["image_a"].future] == [
        ("dropped", "compute.rebuilt")
    ]
    assert found["image_b"].past[-1].transfer.origin == other
    assert [where for where, _, _ in events.of(IMAGE)["a"].now] == [IMAGE]


def test_an_image_notification_alone_names_who_set_its_properties(events: TransferEvents) -> None:
    events.event("image.create", {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian"}})
    events.event("image.upload", {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian"}})
    found = events.of(IMAGE)["os_distro"]
    assert (found.value, found.set_by) == ("debian", "user project- (image.create)")
    assert len(events.lineage) == 1


def test_an_image_notification_adds_nothing_to_an_earlier_transfer(events: TransferEvents) -> None:
    events.transfer(USER, IMAGE, {}, {"os_distro": "debian", "size": "10"}, rule="client.create")
    events.event("image.create", {"id": "img-1", "properties": {"os_distro": "debian"}})
    assert len(events.lineage) == 1


def test_transfers_are_bounded_and_the_forgotten_are_counted() -> None:
    events = TransferEvents()
    events.lineage = Lineage(limit=10)
    for number in range(25):
        events.transfer(IMAGE, Resource("volume", f"v{number}"), {"a": "1"}, {"a": "1"})
    assert (len(events.lineage), events.lineage.forgotten) == (10, 15)


@pytest.mark.parametrize("wanted", ["srv-1", "srv", "server:srv-1"])
def test_a_resource_is_found_by_its_id_or_the_beginning_of_it(events: TransferEvents, wanted: str) -> None:
    a_journey(events)
    events.transfer(SERVER, Resource("guest", "srv-1"), {"image_a": "1"}, {"bus": "scsi"})
    assert events.lineage.find(wanted) == SERVER


def test_an_unknown_resource_is_not_found(events: TransferEvents) -> None:
    assert events.lineage.find("nothing") is None


def test_what_a_server_got_elsewhere_is_its_own(events: TransferEvents) -> None:
    a_journey(events)
    snapshot = Resource("image", "snap-1")
    events.transfer(SERVER, snapshot, {"boot_roles": "member"}, {"boot_roles": "member"}, rule="compute.snapshot_image")
    assert events.of(SERVER)["boot_roles"].value == "member"
    assert events.of(snapshot)["boot_roles"].set_by == "server srv-1 itself"


def test_what_a_guest_does_not_need_is_not_lost(events: TransferEvents) -> None:
    a_journey(events)
    events.transfer(
        SERVER, Resource("guest", "srv-1"), {"image_hw_disk_bus": "scsi", "image_note": "n"}, {"hw_disk_bus": "scsi"},
        prefix="-image_",
    )  # fmt: skip
    found = events.of(SERVER)
    assert [step.change.outcome for step in found["image_hw_disk_bus"].future] == ["renamed"]
    assert found["image_note"].future == ()


def test_the_past_is_available_as_of_an_earlier_transfer(events: TransferEvents) -> None:
    a_journey(events)
    then = events.lineage.count
    events.transfer(
        Resource("image", "img-2"), SERVER, {"hw_disk_bus": "virtio"}, {"image_hw_disk_bus": "virtio"}, prefix="image_"
    )
    last, _ = events.lineage.set_by(SERVER, "image_hw_disk_bus", until=then)
    assert last is not None
    assert last.transfer.origin == VOLUME


@pytest.mark.parametrize("notification_first", [True, False])
def test_the_user_who_set_an_images_property_is_named_in_any_order_of_events(
    events: TransferEvents, notification_first: bool
) -> None:
    event = {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian", "team": "a"}}
    given = {"os_distro": "debian", "team": "a"}
    events.event("image.create", event) if notification_first else None
    events.transfer(USER, IMAGE, given, given, rule="image.create")
    events.event("image.create", event) if not notification_first else None
    changed = {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian", "team": "b"}}
    events.event("image.update", changed) if notification_first else None
    events.transfer(Resource("client", "user-2"), IMAGE, {"team": "b"}, {"team": "b"}, rule="image.update")
    events.event("image.update", changed) if not notification_first else None
    found = events.of(IMAGE)
    assert (found["os_distro"].value, found["os_distro"].set_by) == ("debian", "user user-1 (image.create)")
    assert (found["team"].value, found["team"].set_by) == ("b", "user user-2 (image.update)")


_OF_THE_IMAGE_SERVICE = ("image.create", "image.update", "image.activate")
_ORDERS = [
    tuple("compute" if at in places else "image" for at in range(5)) for places in combinations(range(5), 2)
]  # fmt: skip


@pytest.mark.parametrize("order", _ORDERS, ids=lambda order: "".join(who[0] for who in order))
def test_a_snapshots_lineage_is_the_same_in_any_order_of_two_services_events(
    events: TransferEvents, order: tuple[str, ...]
) -> None:
    """Each service's own messages keep their order; between the two none is promised."""
    events.transfer(IMAGE, SERVER, {"team": "a"}, {"image_team": "a"}, prefix="image_", rule="compute.system_metadata")
    first, then = {"team": "a", "user_id": "u"}, {"team": "a", "user_id": "u", "image_location": "snapshot"}
    snapshot, rows = Resource("image", "snap-1"), {"image_team": "a", "image_disk_format": "qcow2", "gone": "1"}
    images = iter(zip(_OF_THE_IMAGE_SERVICE, (first, then, then), strict=True))
    transfers = iter((
        ({**first, "disk_format": "qcow2"}, {"rule": "compute.snapshot_image"}),
        ({"disk_format": "qcow2", "image_location": "snapshot"}, {"rule": "compute.uploaded", "partial": True}),
    ))  # fmt: skip
    for who in order:
        if who == "image":
            name, properties = next(images)
            events.event(name, {"id": "snap-1", "owner": "project-1", "properties": properties})
        else:
            after, more = next(transfers)
            events.transfer(SERVER, snapshot, rows, after, prefix="-image_", **more)
    found = events.of(snapshot)
    latest = {key: (one.value, one.past[-1].transfer.rule, one.past[-1].change.outcome) for key, one in found.items()}
    assert latest == {
        "team": ("a", "compute.snapshot_image", "renamed"),
        "user_id": ("u", "compute.snapshot_image", "added"),
        "disk_format": ("qcow2", "compute.uploaded", "renamed"),
        "image_location": ("snapshot", "compute.uploaded", "added"),
    }
    assert found["team"].past[0].transfer.origin == IMAGE
    assert not any(one.future for one in found.values())
    assert events.lineage.unexplained(snapshot) == []


def test_a_property_only_a_notification_mentioned_is_unexplained(events: TransferEvents) -> None:
    events.event("image.create", {"id": "img-1", "owner": "project-1", "properties": {"team": "a"}})
    assert events.lineage.unexplained(IMAGE) == ["team"]
    events.transfer(USER, IMAGE, {"team": "a"}, {"team": "a"}, rule="image.create")
    assert events.lineage.unexplained(IMAGE) == []


@pytest.mark.parametrize(
    ("resource", "exchange", "event", "named"),
    [
        (IMAGE, "glance", "image.delete", "id"),
        (VOLUME, "cinder", "volume.delete.end", "volume_id"),
        (SERVER, "nova", "compute.instance.delete.end", "instance_id"),
    ],
)
def test_a_deleted_resource_has_no_properties_now_but_their_paths_stay(
    events: TransferEvents, resource: Resource, exchange: str, event: str, named: str
) -> None:
    a_journey(events)
    events.event(event, {named: resource.id}, exchange)
    assert events.lineage.is_deleted(resource)
    assert resource not in [place.resource for place in where(events.lineage, "hw_disk_bus")]
    found = events.of(SERVER)["image_hw_disk_bus"]
    assert resource not in [place for place, _, _ in found.now]
    assert found.set_by == "user user-1 (client.create)"


def test_a_servers_guest_is_deleted_with_it_and_an_image_may_be_restored(events: TransferEvents) -> None:
    a_journey(events)
    guest = Resource("guest", SERVER.id)
    events.transfer(SERVER, guest, {"image_hw_disk_bus": "scsi"}, {"hw_disk_bus": "scsi"})
    events.event("compute.instance.delete.end", {"instance_id": SERVER.id}, "nova")
    assert events.lineage.is_deleted(guest)
    events.event("image.delete", {"id": IMAGE.id})
    events.event("image.update", {"id": IMAGE.id, "properties": {"hw_disk_bus": "scsi", "note": "n" * 300}})
    assert not events.lineage.is_deleted(IMAGE)


def test_what_a_server_kept_through_a_rebuild_was_not_added_by_it(events: TransferEvents) -> None:
    a_journey(events)
    image, after = Resource("image", "img-2"), {"owner_user_name": "demo", "image_team": "new"}
    events.transfer(image, SERVER, {"team": "new"}, after, rule="compute.rebuilt", prefix="image_")
    assert events.of(SERVER)["owner_user_name"].set_by == "compute.system_metadata"
    assert [step.change.outcome for step in events.of(SERVER)["image_team"].past] == ["renamed"]


def test_a_property_that_left_and_returned_is_in_the_path_once(events: TransferEvents) -> None:
    events.transfer(USER, IMAGE, {}, {"a": "1"}, rule="client.create")
    for snapshot in ("img-2", "img-3"):
        kept = Resource("image", snapshot)
        events.transfer(IMAGE, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
        events.transfer(SERVER, kept, {"image_a": "1"}, {"a": "1"}, prefix="-image_")
        events.transfer(kept, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
    found = events.of(SERVER)["image_a"]
    numbers = [step.transfer.number for step in (*found.past, *found.future)]
    assert len(numbers) == len(set(numbers))


def test_after_a_rebuild_each_place_has_the_value_of_its_own_generation(events: TransferEvents) -> None:
    other, before, after = Resource("image", "img-2"), Resource("image", "snap-1"), Resource("image", "snap-2")

    def boot(image: Resource, team: str) -> None:
        events.transfer(image, SERVER, {"team": team}, {"image_team": team}, prefix="image_")

    def snapshot(image: Resource, team: str) -> None:
        events.transfer(SERVER, image, {"image_team": team}, {"team": team}, prefix="-image_")

    for image, team in ((IMAGE, "old"), (other, "new")):
        events.transfer(USER, image, {}, {"team": team}, rule="image.create")
    boot(IMAGE, "old")
    snapshot(before, "old")
    boot(other, "new")
    snapshot(after, "new")
    assert events.of(SERVER)["image_team"].now == ((SERVER, "image_team", "new"), (after, "team", "new"))
    assert events.of(other)["team"].now == (
        (other, "team", "new"), (SERVER, "image_team", "new"), (after, "team", "new"),
    )  # fmt: skip
    assert events.of(IMAGE)["team"].now == ((IMAGE, "team", "old"), (before, "team", "old"))
    assert [step.transfer.target for step in events.of(IMAGE)["team"].future] == [SERVER, before]


def test_what_went_on_before_a_user_changed_it_has_the_value_of_then(events: TransferEvents) -> None:
    snapshot = Resource("snapshot", "snap-1")
    events.transfer(IMAGE, VOLUME, {"team": "old"}, {"team": "old"})
    events.transfer(VOLUME, snapshot, {"team": "old"}, {"team": "old"})
    events.transfer(USER, VOLUME, {"team": "old"}, {"team": "new"}, rule="volume.set_by_client")
    assert events.of(VOLUME)["team"].now == ((VOLUME, "team", "new"),)
    assert events.of(IMAGE)["team"].now == ((IMAGE, "team", "old"), (snapshot, "team", "old"))
