"""Lineage out of crossing events: who set a property, what became of it, where it is."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest

from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import Decoder, Wire
from stackwire.trace.domain.questions import where
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import Property

IMAGE, VOLUME, SERVER = Resource("image", "img-1"), Resource("volume", "vol-1"), Resource("server", "srv-1")
USER = Resource("client", "user-1")


class Told:
    """Crossing events in the form they have on the wire, one second apart."""

    def __init__(self) -> None:
        self.lineage = Lineage()
        self._decoder = Decoder()
        self._time = 0.0

    def cross(
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
        self.lineage.read(self._decoder.read(Wire("publish", exchange, key, (), body, self._time)))

    def of(self, resource: Resource) -> dict[str, Property]:
        return {found.key: found for found in self.lineage.of(resource)}


@pytest.fixture
def told() -> Told:
    return Told()


def a_journey(told: Told) -> None:
    told.cross(USER, IMAGE, {}, {"hw_disk_bus": "scsi", "note": "n" * 300}, rule="client.create")
    told.cross(IMAGE, VOLUME, {"hw_disk_bus": "scsi", "note": "n" * 300}, {"hw_disk_bus": "scsi", "note": "n" * 300})
    told.cross(
        VOLUME,
        SERVER,
        {"hw_disk_bus": "scsi", "note": "n" * 300},
        {"image_hw_disk_bus": "scsi", "image_note": "n" * 255, "owner_user_name": "demo"},
        rule="compute.system_metadata",
        source="nova/utils.py: get_system_metadata_from_image",
        prefix="image_",
    )


def test_the_past_of_a_property_leads_back_to_who_set_it(told: Told) -> None:
    a_journey(told)
    found = told.of(SERVER)["image_hw_disk_bus"]
    assert [(crossed.hop.target.kind, crossed.verdict.verdict) for crossed in found.past] == [
        ("image", "added"),
        ("volume", "carried"),
        ("server", "renamed"),
    ]
    assert found.set_by == "user user-1 (client.create)"
    assert found.value == "scsi"


def test_the_future_of_a_property_tells_where_it_is_now(told: Told) -> None:
    a_journey(told)
    found = told.of(IMAGE)["note"]
    assert [(crossed.hop.target.kind, crossed.verdict.verdict) for crossed in found.future] == [
        ("volume", "carried"),
        ("server", "truncated"),
    ]
    assert [(where.kind, key, len(value or "")) for where, key, value in found.now] == [
        ("image", "note", 300),
        ("volume", "note", 300),
        ("server", "image_note", 255),
    ]


def test_what_a_rule_added_was_set_by_the_rule(told: Told) -> None:
    a_journey(told)
    assert told.of(SERVER)["owner_user_name"].set_by == "compute.system_metadata"


def test_a_dropped_property_is_gone_at_the_crossing_that_dropped_it(told: Told) -> None:
    told.cross(VOLUME, IMAGE, {"min_disk": "1", "a": "1"}, {"a": "1"}, rule="volume.for_image")
    found = told.of(VOLUME)["min_disk"]
    assert [(c.verdict.verdict, c.hop.rule) for c in found.future] == [("dropped", "volume.for_image")]
    assert [where for where, _, _ in found.now] == [VOLUME]
    assert "min_disk" not in told.of(IMAGE)


def test_a_property_a_user_changed_on_the_way_was_set_by_that_user(told: Told) -> None:
    a_journey(told)
    told.cross(USER, VOLUME, {"hw_disk_bus": "scsi"}, {"hw_disk_bus": "virtio"}, rule="client.set")
    found = told.of(VOLUME)
    assert found["hw_disk_bus"].set_by == "user user-1 (client.set)"
    assert found["hw_disk_bus"].value == "virtio"


def test_setting_one_property_leaves_the_story_of_the_others_alone(told: Told) -> None:
    told.cross(IMAGE, VOLUME, {"a": "1"}, {"a": "1"}, rule="volume.capture")
    told.cross(USER, VOLUME, {"a": "1"}, {"a": "1", "b": "2"}, rule="client.set")
    assert [crossed.hop.rule for crossed in told.of(VOLUME)["a"].past] == ["volume.capture"]


def test_a_property_a_user_took_away_is_shown_as_gone(told: Told) -> None:
    told.cross(IMAGE, VOLUME, {"a": "1"}, {"a": "1"})
    told.cross(USER, VOLUME, {"a": "1"}, {}, rule="client.unset")
    found = told.of(VOLUME)["a"]
    assert (found.value, [crossed.verdict.verdict for crossed in found.future]) == (None, ["dropped"])


def test_a_rebuild_replaces_what_the_old_image_left(told: Told) -> None:
    other = Resource("image", "img-2")
    told.cross(IMAGE, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
    told.cross(other, SERVER, {"b": "2"}, {"image_b": "2"}, prefix="image_", rule="compute.rebuilt")
    found = told.of(SERVER)
    assert found["image_a"].value is None
    assert [(c.verdict.verdict, c.hop.rule) for c in found["image_a"].future] == [("dropped", "compute.rebuilt")]
    assert found["image_b"].past[-1].hop.origin == other
    assert [where for where, _, _ in told.of(IMAGE)["a"].now] == [IMAGE]


def test_an_image_notification_alone_tells_who_set_its_properties(told: Told) -> None:
    told.event("image.create", {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian"}})
    told.event("image.upload", {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian"}})
    found = told.of(IMAGE)["os_distro"]
    assert (found.value, found.set_by) == ("debian", "user project- (image.create)")
    assert len(told.lineage) == 1


def test_an_image_notification_adds_nothing_to_what_a_crossing_told(told: Told) -> None:
    told.cross(USER, IMAGE, {}, {"os_distro": "debian", "size": "10"}, rule="client.create")
    told.event("image.create", {"id": "img-1", "properties": {"os_distro": "debian"}})
    assert len(told.lineage) == 1


def test_crossings_are_bounded_and_the_forgotten_are_counted() -> None:
    told = Told()
    told.lineage = Lineage(limit=10)
    for number in range(25):
        told.cross(IMAGE, Resource("volume", f"v{number}"), {"a": "1"}, {"a": "1"})
    assert (len(told.lineage), told.lineage.forgotten) == (10, 15)


@pytest.mark.parametrize("wanted", ["srv-1", "srv", "server:srv-1"])
def test_a_resource_is_found_by_its_id_or_the_beginning_of_it(told: Told, wanted: str) -> None:
    a_journey(told)
    told.cross(SERVER, Resource("guest", "srv-1"), {"image_a": "1"}, {"bus": "scsi"})
    assert told.lineage.find(wanted) == SERVER


def test_an_unknown_resource_is_not_found(told: Told) -> None:
    assert told.lineage.find("nothing") is None


def test_what_a_server_learnt_elsewhere_is_its_own(told: Told) -> None:
    a_journey(told)
    snapshot = Resource("image", "snap-1")
    told.cross(SERVER, snapshot, {"boot_roles": "member"}, {"boot_roles": "member"}, rule="compute.snapshot_image")
    assert told.of(SERVER)["boot_roles"].value == "member"
    assert told.of(snapshot)["boot_roles"].set_by == "server srv-1 itself"


def test_what_a_guest_does_not_need_is_not_lost(told: Told) -> None:
    a_journey(told)
    told.cross(
        SERVER, Resource("guest", "srv-1"), {"image_hw_disk_bus": "scsi", "image_note": "n"}, {"hw_disk_bus": "scsi"},
        prefix="-image_",
    )  # fmt: skip
    found = told.of(SERVER)
    assert [crossed.verdict.verdict for crossed in found["image_hw_disk_bus"].future] == ["renamed"]
    assert found["image_note"].future == ()


def test_a_past_may_be_asked_for_as_it_was_at_an_earlier_crossing(told: Told) -> None:
    a_journey(told)
    then = told.lineage.count
    told.cross(
        Resource("image", "img-2"), SERVER, {"hw_disk_bus": "virtio"}, {"image_hw_disk_bus": "virtio"}, prefix="image_"
    )
    last, _ = told.lineage.set_by(SERVER, "image_hw_disk_bus", until=then)
    assert last is not None
    assert last.hop.origin == VOLUME


@pytest.mark.parametrize("notification_first", [True, False])
def test_a_user_who_set_an_images_property_is_named_in_whatever_order_it_is_told(
    told: Told, notification_first: bool
) -> None:
    event = {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian", "team": "a"}}
    given = {"os_distro": "debian", "team": "a"}
    told.event("image.create", event) if notification_first else None
    told.cross(USER, IMAGE, given, given, rule="image.create")
    told.event("image.create", event) if not notification_first else None
    changed = {"id": "img-1", "owner": "project-1", "properties": {"os_distro": "debian", "team": "b"}}
    told.event("image.update", changed) if notification_first else None
    told.cross(Resource("client", "user-2"), IMAGE, {"team": "b"}, {"team": "b"}, rule="image.update")
    told.event("image.update", changed) if not notification_first else None
    found = told.of(IMAGE)
    assert (found["os_distro"].value, found["os_distro"].set_by) == ("debian", "user user-1 (image.create)")
    assert (found["team"].value, found["team"].set_by) == ("b", "user user-2 (image.update)")


_OF_THE_IMAGE_SERVICE = ("image.create", "image.update", "image.activate")
_ORDERS = [
    tuple("compute" if at in places else "image" for at in range(5)) for places in combinations(range(5), 2)
]  # fmt: skip


@pytest.mark.parametrize("order", _ORDERS, ids=lambda order: "".join(who[0] for who in order))
def test_a_snapshots_lineage_is_the_same_in_whatever_order_two_services_tell_of_it(
    told: Told, order: tuple[str, ...]
) -> None:
    """Each service's own messages keep their order; between the two none is promised."""
    told.cross(IMAGE, SERVER, {"team": "a"}, {"image_team": "a"}, prefix="image_", rule="compute.system_metadata")
    first, then = {"team": "a", "user_id": "u"}, {"team": "a", "user_id": "u", "image_location": "snapshot"}
    snapshot, rows = Resource("image", "snap-1"), {"image_team": "a", "image_disk_format": "qcow2", "gone": "1"}
    images = iter(zip(_OF_THE_IMAGE_SERVICE, (first, then, then), strict=True))
    crossings = iter((
        ({**first, "disk_format": "qcow2"}, {"rule": "compute.snapshot_image"}),
        ({"disk_format": "qcow2", "image_location": "snapshot"}, {"rule": "compute.uploaded", "partial": True}),
    ))  # fmt: skip
    for who in order:
        if who == "image":
            name, properties = next(images)
            told.event(name, {"id": "snap-1", "owner": "project-1", "properties": properties})
        else:
            after, more = next(crossings)
            told.cross(SERVER, snapshot, rows, after, prefix="-image_", **more)
    found = told.of(snapshot)
    shown = {key: (one.value, one.past[-1].hop.rule, one.past[-1].verdict.verdict) for key, one in found.items()}
    assert shown == {
        "team": ("a", "compute.snapshot_image", "renamed"),
        "user_id": ("u", "compute.snapshot_image", "added"),
        "disk_format": ("qcow2", "compute.uploaded", "renamed"),
        "image_location": ("snapshot", "compute.uploaded", "added"),
    }
    assert found["team"].past[0].hop.origin == IMAGE
    assert not any(one.future for one in found.values())
    assert told.lineage.overheard(snapshot) == []


def test_what_only_a_notification_told_awaits_its_crossing(told: Told) -> None:
    told.event("image.create", {"id": "img-1", "owner": "project-1", "properties": {"team": "a"}})
    assert told.lineage.overheard(IMAGE) == ["team"]
    told.cross(USER, IMAGE, {"team": "a"}, {"team": "a"}, rule="image.create")
    assert told.lineage.overheard(IMAGE) == []


@pytest.mark.parametrize(
    ("resource", "exchange", "event", "named"),
    [
        (IMAGE, "glance", "image.delete", "id"),
        (VOLUME, "cinder", "volume.delete.end", "volume_id"),
        (SERVER, "nova", "compute.instance.delete.end", "instance_id"),
    ],
)
def test_what_was_deleted_has_nothing_now_but_its_story_stays(
    told: Told, resource: Resource, exchange: str, event: str, named: str
) -> None:
    a_journey(told)
    told.event(event, {named: resource.id}, exchange)
    assert told.lineage.is_gone(resource)
    assert resource not in [place.resource for place in where(told.lineage, "hw_disk_bus")]
    found = told.of(SERVER)["image_hw_disk_bus"]
    assert resource not in [place for place, _, _ in found.now]
    assert found.set_by == "user user-1 (client.create)"


def test_a_servers_guest_goes_with_it_and_an_image_that_was_taken_back_is_there_again(told: Told) -> None:
    a_journey(told)
    guest = Resource("guest", SERVER.id)
    told.cross(SERVER, guest, {"image_hw_disk_bus": "scsi"}, {"hw_disk_bus": "scsi"})
    told.event("compute.instance.delete.end", {"instance_id": SERVER.id}, "nova")
    assert told.lineage.is_gone(guest)
    told.event("image.delete", {"id": IMAGE.id})
    told.event("image.update", {"id": IMAGE.id, "properties": {"hw_disk_bus": "scsi", "note": "n" * 300}})
    assert not told.lineage.is_gone(IMAGE)


def test_what_a_server_kept_through_a_rebuild_was_not_added_by_it(told: Told) -> None:
    a_journey(told)
    image, after = Resource("image", "img-2"), {"owner_user_name": "demo", "image_team": "new"}
    told.cross(image, SERVER, {"team": "new"}, after, rule="compute.rebuilt", prefix="image_")
    assert told.of(SERVER)["owner_user_name"].set_by == "compute.system_metadata"
    assert [crossed.verdict.verdict for crossed in told.of(SERVER)["image_team"].past] == ["renamed"]


def test_what_went_out_and_came_back_is_told_once(told: Told) -> None:
    told.cross(USER, IMAGE, {}, {"a": "1"}, rule="client.create")
    for snapshot in ("img-2", "img-3"):
        kept = Resource("image", snapshot)
        told.cross(IMAGE, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
        told.cross(SERVER, kept, {"image_a": "1"}, {"a": "1"}, prefix="-image_")
        told.cross(kept, SERVER, {"a": "1"}, {"image_a": "1"}, prefix="image_")
    found = told.of(SERVER)["image_a"]
    numbers = [crossed.hop.number for crossed in (*found.past, *found.future)]
    assert len(numbers) == len(set(numbers))
