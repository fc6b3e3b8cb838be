"""Why is it so, where is it, what differs: queries of constructed lineages."""

import pytest

from stackwire.trace.domain.questions import diff, where, why
from stackwire.trace.domain.resources import Resource
from unit.trace.test_lineage import IMAGE, SERVER, USER, VOLUME, TransferEvents

OTHER, SNAPSHOT = Resource("image", "img-2"), Resource("image", "snap-1")


@pytest.fixture
def events() -> TransferEvents:
    """An image whose volume loses ``min_disk``, a server of the volume, and a snapshot that loses a signature."""
    events = TransferEvents()
    image = {"hw_disk_bus": "scsi", "signature": "s", "checksum": "c"}
    volume = {"hw_disk_bus": "scsi", "signature": "s"}
    server = {"image_hw_disk_bus": "scsi", "image_signature": "s"}
    events.transfer(USER, IMAGE, {}, image, rule="image.create")
    events.transfer(IMAGE, VOLUME, image, volume, rule="volume.capture")
    events.transfer(VOLUME, SERVER, volume, server, rule="compute.at_create", prefix="image_")
    events.transfer(
        SERVER, SNAPSHOT, server, {"hw_disk_bus": "scsi", "instance_uuid": "u"}, rule="compute.snapshot_image",
        prefix="-image_",
    )  # fmt: skip
    return events


@pytest.mark.parametrize("key", ["hw_disk_bus", "image_hw_disk_bus"])
def test_why_has_the_path_of_a_property_with_or_without_prefix(events: TransferEvents, key: str) -> None:
    answer = why(events.lineage, SERVER, key)
    assert answer.found is not None
    assert (answer.key, answer.found.value, answer.lost) == ("image_hw_disk_bus", "scsi", ())
    assert [step.transfer.target for step in answer.found.past] == [IMAGE, VOLUME, SERVER]


@pytest.mark.parametrize(
    ("resource", "key", "rule"),
    [
        (SNAPSHOT, "signature", "compute.snapshot_image"),
        (SNAPSHOT, "checksum", "volume.capture"),
        (SERVER, "checksum", "volume.capture"),
        (VOLUME, "checksum", "volume.capture"),
    ],
)
def test_why_names_the_rule_that_dropped_a_property(
    events: TransferEvents, resource: Resource, key: str, rule: str
) -> None:
    answer = why(events.lineage, resource, key)
    assert answer.found is None
    assert [step.transfer.rule for step in answer.lost] == [rule]


def test_a_property_nobody_ever_set_was_not_lost(events: TransferEvents) -> None:
    answer = why(events.lineage, SNAPSHOT, "never")
    assert (answer.found, answer.lost) == (None, ())


def test_why_finds_what_a_rebuild_removed(events: TransferEvents) -> None:
    events.transfer(OTHER, SERVER, {"a": "1"}, {"image_a": "1"}, rule="compute.rebuilt", prefix="image_")
    (lost,) = why(events.lineage, SERVER, "signature").lost
    assert lost.transfer.rule == "compute.rebuilt"


def test_where_names_every_resource_and_who_set_it(events: TransferEvents) -> None:
    places = where(events.lineage, "hw_disk_bus")
    assert [(place.resource, place.key) for place in places] == [
        (IMAGE, "hw_disk_bus"), (VOLUME, "hw_disk_bus"), (SERVER, "image_hw_disk_bus"), (SNAPSHOT, "hw_disk_bus"),
    ]  # fmt: skip
    assert {place.set_by for place in places} == {"user user-1 (image.create)"}
    assert where(events.lineage, "never") == []


def test_diff_compares_by_the_name_without_prefix(events: TransferEvents) -> None:
    events.transfer(USER, SNAPSHOT, {"hw_disk_bus": "scsi"}, {"hw_disk_bus": "virtio"}, rule="image.update")
    found = {one.key: (one.comparison, *one.values) for one in diff(events.lineage, SERVER, SNAPSHOT)}
    assert found["hw_disk_bus"] == ("changed", "scsi", "virtio")
    assert found["signature"] == ("only left", "s", None)
    same = {one.key: one.comparison for one in diff(events.lineage, IMAGE, VOLUME)}
    assert same == {"checksum": "only left", "hw_disk_bus": "same", "signature": "same"}
