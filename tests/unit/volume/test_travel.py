"""The rules of the volume service: each crossing against each kind of property, and against a recorded cloud."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stackwire.core.behaviours import behaviours_of
from stackwire.volume.domain import travel

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
TODAY = behaviours_of()


@dataclass(frozen=True)
class AnImage:
    id: str = "i"
    name: str | None = "debian"
    properties: dict[str, str | None] = field(default_factory=dict)
    checksum: str | None = "c" * 32
    container_format: str | None = "bare"
    disk_format: str | None = "raw"
    min_disk: int = 1
    min_ram: int = 64
    size: int | None = 1048576


CORE = {
    "image_id": "i", "image_name": "debian", "checksum": "c" * 32, "container_format": "bare", "disk_format": "raw",
    "min_disk": "1", "min_ram": "64", "size": "1048576",
}  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "rows"),
    [
        ({"team": "storage"}, {"team": "storage"}),
        ({"long": "x" * 5000}, {"long": "x" * 5000}),
        ({"nothing": None}, {}),
        ({"empty": ""}, {"empty": ""}),
        ({"os_glance_stage_host": "h"}, {"os_glance_stage_host": "h"}),
        ({"size": "huge", "image_id": "another", "checksum": "none"}, {}),
        ({"base_image_ref": "b"}, {"base_image_ref": "b"}),
        ({"ünï": "é" * 300}, {"ünï": "é" * 300}),
    ],
    ids=["custom", "too large for a server", "null", "empty", "reserved", "named like core", "identity", "unicode"],
)
def test_a_volume_captures_every_property_that_has_a_value_and_core_wins(
    properties: dict[str, str | None], rows: dict[str, str]
) -> None:
    assert travel.capture(AnImage(properties=properties)) == {**rows, **CORE}


def test_what_an_image_does_not_have_is_no_row() -> None:
    rows = travel.capture(AnImage(name="", checksum=None, size=None, min_disk=0))
    assert rows.keys() == {"image_id", "container_format", "disk_format", "min_disk", "min_ram"}
    assert rows["min_disk"] == "0"


def test_a_download_leaves_its_verdict_first_and_a_copy_leaves_none() -> None:
    assert next(iter(travel.capture(AnImage(), signature_verified=False).items())) == ("signature_verified", "False")
    assert travel.SIGNATURE_VERIFIED not in travel.capture(AnImage())


@pytest.mark.parametrize("bootable", [True, False])
def test_snapshots_and_clones_learn_all_or_nothing(bootable: bool) -> None:
    rows = {"team": "storage", **CORE}
    expected = rows if bootable else {}
    assert travel.for_snapshot(rows, volume_bootable=bootable) == expected
    assert travel.from_snapshot(rows, origin_bootable=bootable) == expected
    assert travel.for_group_snapshot(rows, volume_bootable=bootable) == expected
    assert travel.for_group_member(rows, source_bootable=bootable) == expected
    assert travel.for_clone(rows, behaviours_of(), source_bootable=bootable) == expected


ROWS = {"team": "storage", "os_glance_x": "1", "img_signature": "s", "signature_verified": "True", **CORE}


@pytest.mark.parametrize(
    ("release", "without", "kept"),
    [
        ("current", (), {"team"}),
        ("current", ("lp-1823445",), {"team", "img_signature", "signature_verified"}),
        ("current", ("lp-1945500",), {"team", "os_glance_x"}),
        ("juno", (), {"team", "os_glance_x", "img_signature", "signature_verified"}),
        ("icehouse", (), set()),
    ],
)
def test_an_uploaded_image_inherits_what_its_release_passes_on(
    release: str, without: tuple[str, ...], kept: set[str]
) -> None:
    assert travel.for_image(ROWS, {}, behaviours_of(release, without)).keys() == kept


@pytest.mark.parametrize(
    ("release", "lost"),
    [
        ("stein", set()),
        ("train", set()),
        ("ussuri", {"store_id", "base_image_ref"}),
        ("2025.1", {"store_id", "base_image_ref"}),
        ("2025.2", {"store_id", "base_image_ref", "privileged_user"}),
    ],
)
def test_an_uploaded_image_loses_what_cinders_client_takes_for_its_own_arguments(release: str, lost: set[str]) -> None:
    rows = {"store_id": "fast", "base_image_ref": "an-image", "privileged_user": "True"}
    assert rows.keys() - travel.for_image(rows, {}, behaviours_of(release)).keys() == lost


def test_an_uploaded_image_inherits_nothing_over_what_was_asked() -> None:
    assert travel.for_image({"team": "storage"}, {"team": "mine"}, TODAY) == {}


@pytest.mark.parametrize(
    ("properties", "verdict"), [({}, False), ({"img_signature": None}, False), ({"img_signature": "s"}, None)]
)
def test_an_image_with_any_signature_property_needs_a_verification(
    properties: dict[str, str | None], verdict: bool | None
) -> None:
    assert travel.signature_outcome(properties) is verdict


def recorded(flow: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{flow}.json").read_text())["properties"]
    return found


def test_capture_agrees_with_the_recorded_cloud() -> None:
    rows = recorded("volume_from_image")
    expected = rows["volume_glance_metadata"]["vol-img"]
    image = AnImage(
        id="<img1>", name=expected["image_name"], checksum="<hex32>", properties=rows["image_properties"]["img1"]
    )
    assert travel.capture(image, signature_verified=False) == expected


def test_upload_agrees_with_the_recorded_cloud() -> None:
    rows = recorded("volume_upload_to_image")
    made = travel.for_image(rows["volume_glance_metadata"]["vol-img"], {}, TODAY)
    assert made == rows["image_properties"]["img-from-vol"]


def test_snapshots_agree_with_the_recorded_cloud() -> None:
    rows = recorded("volume_from_snapshot")
    taken = travel.for_snapshot(rows["volume_glance_metadata"]["vol-img"], volume_bootable=True)
    assert taken == rows["snapshot_glance_metadata"]["snap1"]
    assert travel.from_snapshot(taken, origin_bootable=True) == rows["volume_glance_metadata"]["vol-from-snap"]


KEPT = {"team": "a", "long": "x" * 300, "img_signature": "SIG", "os_glance_stage_host": "h", "min_disk": "1"}


def test_a_backup_keeps_all_rows_and_gives_them_back_in_place_of_others() -> None:
    assert travel.for_backup(KEPT) == KEPT
    assert travel.from_backup(KEPT, {"team": "b", "later": "yes"}) == KEPT
    assert travel.from_backup({}, {"team": "b"}) == {"team": "b"}
