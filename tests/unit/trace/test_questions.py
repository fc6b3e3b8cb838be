"""Why is it so, where is it, what differs: asked of lineages made by hand."""

import pytest

from stackwire.trace.domain.questions import diff, where, why
from stackwire.trace.domain.resources import Resource
from unit.trace.test_lineage import IMAGE, SERVER, USER, VOLUME, Told

OTHER, SNAPSHOT = Resource("image", "img-2"), Resource("image", "snap-1")


@pytest.fixture
def told() -> Told:
    """An image whose volume loses ``min_disk``, a server of the volume, and a snapshot that loses a signature."""
    made = Told()
    image = {"hw_disk_bus": "scsi", "signature": "s", "checksum": "c"}
    volume = {"hw_disk_bus": "scsi", "signature": "s"}
    server = {"image_hw_disk_bus": "scsi", "image_signature": "s"}
    made.cross(USER, IMAGE, {}, image, rule="image.create")
    made.cross(IMAGE, VOLUME, image, volume, rule="volume.capture")
    made.cross(VOLUME, SERVER, volume, server, rule="compute.at_create", prefix="image_")
    made.cross(
        SERVER, SNAPSHOT, server, {"hw_disk_bus": "scsi", "instance_uuid": "u"}, rule="compute.snapshot_image",
        prefix="-image_",
    )  # fmt: skip
    return made


@pytest.mark.parametrize("key", ["hw_disk_bus", "image_hw_disk_bus"])
def test_why_tells_the_way_of_what_is_there_however_it_is_named(told: Told, key: str) -> None:
    answer = why(told.lineage, SERVER, key)
    assert answer.found is not None
    assert (answer.key, answer.found.value, answer.lost) == ("image_hw_disk_bus", "scsi", ())
    assert [crossed.hop.target for crossed in answer.found.past] == [IMAGE, VOLUME, SERVER]


@pytest.mark.parametrize(
    ("resource", "key", "rule"),
    [
        (SNAPSHOT, "signature", "compute.snapshot_image"),
        (SNAPSHOT, "checksum", "volume.capture"),
        (SERVER, "checksum", "volume.capture"),
        (VOLUME, "checksum", "volume.capture"),
    ],
)
def test_why_names_the_rule_that_lost_what_is_not_there(told: Told, resource: Resource, key: str, rule: str) -> None:
    answer = why(told.lineage, resource, key)
    assert answer.found is None
    assert [crossed.hop.rule for crossed in answer.lost] == [rule]


def test_what_nobody_ever_set_was_not_lost(told: Told) -> None:
    answer = why(told.lineage, SNAPSHOT, "never")
    assert (answer.found, answer.lost) == (None, ())


def test_why_finds_what_a_rebuild_took_away(told: Told) -> None:
    told.cross(OTHER, SERVER, {"a": "1"}, {"image_a": "1"}, rule="compute.rebuilt", prefix="image_")
    (lost,) = why(told.lineage, SERVER, "signature").lost
    assert lost.hop.rule == "compute.rebuilt"


def test_where_names_every_place_and_who_set_it(told: Told) -> None:
    places = where(told.lineage, "hw_disk_bus")
    assert [(place.resource, place.key) for place in places] == [
        (IMAGE, "hw_disk_bus"), (VOLUME, "hw_disk_bus"), (SERVER, "image_hw_disk_bus"), (SNAPSHOT, "hw_disk_bus"),
    ]  # fmt: skip
    assert {place.set_by for place in places} == {"user user-1 (image.create)"}
    assert where(told.lineage, "never") == []


def test_diff_compares_by_the_name_a_user_gave(told: Told) -> None:
    told.cross(USER, SNAPSHOT, {"hw_disk_bus": "scsi"}, {"hw_disk_bus": "virtio"}, rule="image.update")
    found = {one.key: (one.what, one.left, one.right) for one in diff(told.lineage, SERVER, SNAPSHOT)}
    assert found["hw_disk_bus"] == ("changed", "scsi", "virtio")
    assert found["signature"] == ("only left", "s", None)
    same = {one.key: one.what for one in diff(told.lineage, IMAGE, VOLUME)}
    assert same == {"checksum": "only left", "hw_disk_bus": "same", "signature": "same"}
