"""The table of the README is executed: each cell is what the rules of today do with such a property."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stackwire.compute.domain import travel as compute
from stackwire.core.behaviours import behaviours_of
from stackwire.core.lineage import PropertyChange, compare
from stackwire.core.rules import RULES
from stackwire.image.domain import travel as image
from stackwire.volume.domain import travel as volume

README = Path(__file__).parents[3] / "README.md"
HEADING = "How a property travels"
TODAY = behaviours_of()
NEW_IMAGE = "the-new-image"
NOWHERE = "–"

SAMPLES: dict[str, str | int | None] = {
    "min_disk": 1,
    "min_ram": 64,
    "disk_format": "qcow2",
    "container_format": "bare",
    "size": 8_388_608,
    "checksum": "d41d8cd98f00b204e9800998ecf8427e",
    "hw_disk_bus": "scsi",
    "team": "storage",
    "a long one": "n" * 300,
    "img_signature": "SIG",
    "img_signature_note": "not one of the four",
    "signature_verified": "False",
    "os_glance_stage_host": "http://host",
    "cinder_encryption_key_id": "11111111-1111-4111-8111-111111111111",
    "store_id": "fast",
    "privileged_user": "True",
    "a null": None,
    "base_image_ref": "the-first-image",
    "instance_uuid": "looks-like-one",
}


@dataclass(frozen=True)
class Image:
    id: str = "image-1"
    name: str | None = None
    checksum: str | None = None
    container_format: str | None = None
    disk_format: str | None = None
    min_disk: int | None = None
    min_ram: int | None = None
    size: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Flavor:
    root_gb: int = 1


@dataclass(frozen=True)
class Server:
    uuid: str = "server-1"
    project_id: str = "project-1"
    os_type: str | None = None
    kernel_id: str | None = ""
    ramdisk_id: str | None = ""
    root_device_name: str | None = "/dev/sda"


ATTRIBUTES = frozenset(Image.__dataclass_fields__) - {"id", "name", "properties"}


def _image_dict(key: str, value: Any) -> dict[str, Any]:
    return {key: value, "properties": {}} if key in ATTRIBUTES else {"properties": {key: value}}


def _flat(image: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in image.items() if key != "properties"}, **image["properties"]}


def _change(key: str, before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> PropertyChange:
    return next(found for found in compare(before, after, prefix) if found.key == key)


def image_to_volume(key: str, value: Any) -> PropertyChange:
    image = Image(**{key: value}) if key in ATTRIBUTES else Image(properties={key: value})
    return _change(key, {key: value}, volume.capture(image))


def volume_to_image(key: str, value: Any) -> PropertyChange:
    return _change(key, {key: value}, volume.for_image({key: str(value)}, {}, TODAY))


def volume_to_snapshot(key: str, value: Any) -> PropertyChange:
    return _change(key, {key: value}, volume.for_snapshot({key: str(value)}, volume_bootable=True))


def volume_to_backup(key: str, value: Any) -> PropertyChange:
    kept = volume.for_backup({key: str(value)})
    return _change(key, {key: value}, volume.from_backup(kept, {"another": "value"}))


def by_a_group_snapshot(key: str, value: Any) -> PropertyChange:
    taken = volume.for_group_snapshot({key: str(value)}, volume_bootable=True)
    return _change(key, {key: value}, volume.for_group_member(taken, source_bootable=True))


def _kept_by(rule: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Callable[[str, Any], PropertyChange]:
    def change(key: str, value: Any) -> PropertyChange:
        if value is None:
            raise LookupError(key)  # a volume never holds one
        return _change(key, {key: value}, rule({key: str(value)}))

    return change


def _booted(image: Mapping[str, Any], image_ref: str) -> dict[str, str]:
    """The rows of a new server, as far as the image brought them."""
    rows = compute.at_create(image, Flavor(), TODAY, image_ref=image_ref, user_name=None, project_name=None)
    if rows["image_base_image_ref"] == image_ref:
        del rows["image_base_image_ref"]
    return rows


def _booted_from_volume(key: str, value: Any) -> dict[str, str]:
    seen = compute.image_meta_from_volume({"size": 1, "volume_image_metadata": {key: str(value)}}, TODAY)
    return _booted(seen, "")


def image_to_server(key: str, value: Any) -> PropertyChange:
    return _change(key, {key: value}, _booted(_image_dict(key, value), "image-1"), "image_")


def volume_to_server(key: str, value: Any) -> PropertyChange:
    return _change(key, {key: value}, _booted_from_volume(key, value), "image_")


def server_to_snapshot(key: str, value: Any) -> PropertyChange:
    rows = compute.system_metadata(_image_dict(key, value), Flavor(), TODAY)
    if f"image_{key}" not in rows:
        raise LookupError(key)
    made = compute.snapshot_image(rows, Server(), "s", {}, TODAY, user_id="u", project_id="project-1")
    host = compute.uploaded_snapshot(rows, Server(), "raw")
    after = {**_flat(made), **_flat(host)}
    return _change(f"image_{key}", rows, after, "-image_")


def server_on_volume_to_snapshot(key: str, value: Any) -> PropertyChange:
    rows = _booted_from_volume(key, value)
    if f"image_{key}" not in rows:
        raise LookupError(key)
    made = compute.volume_snapshot_image(rows, Server(), "s", {}, [], TODAY, project_id="project-1")
    return _change(f"image_{key}", rows, _flat(made), "-image_")


def rebuild(key: str, value: Any) -> PropertyChange:
    rows = compute.system_metadata(_image_dict(key, value), Flavor(), TODAY)
    if f"image_{key}" not in rows:
        raise LookupError(key)
    fresh = {"disk_format": "raw", "container_format": "ovf", "min_ram": 128, "min_disk": 2, "properties": {}}
    after = compute.rebuilt(fresh, rows, Flavor(), NEW_IMAGE, TODAY)
    return _change(f"image_{key}", rows, after)


def server_to_backup(key: str, value: Any) -> PropertyChange:
    rows = compute.system_metadata(_image_dict(key, value), Flavor(), TODAY)
    if f"image_{key}" not in rows:
        raise LookupError(key)
    kind = {"image_type": "backup", "backup_type": "daily"}
    made = compute.snapshot_image(rows, Server(), "s", kind, TODAY, user_id="u", project_id="project-1")
    return _change(
        f"image_{key}", rows, {**_flat(made), **_flat(compute.uploaded_snapshot(rows, Server(), "raw"))}, "-image_"
    )


def _of_a_server(rule: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Callable[[str, Any], PropertyChange]:
    def change(key: str, value: Any) -> PropertyChange:
        rows = compute.system_metadata(_image_dict(key, value), Flavor(), TODAY)
        if f"image_{key}" not in rows:
            raise LookupError(key)
        return _change(f"image_{key}", rows, rule(rows))

    return change


def _moved(rows: Mapping[str, str]) -> Mapping[str, str]:
    return compute.moved(rows, "image-1", TODAY)


CROSSINGS: dict[str, Callable[[str, Any], PropertyChange]] = {
    "image → volume": image_to_volume,
    "volume → image": volume_to_image,
    "volume → snapshot": volume_to_snapshot,
    "volume → backup": volume_to_backup,
    "volume → group snapshot → volume": by_a_group_snapshot,
    "revert": _kept_by(volume.at_revert),
    "retype": _kept_by(volume.at_retype),
    "migration": _kept_by(volume.at_migrate),
    "transfer": _kept_by(volume.at_transfer),
    "manage": _kept_by(volume.at_manage),
    "image → server": image_to_server,
    "volume → server": volume_to_server,
    "server → snapshot": server_to_snapshot,
    "server on a volume → snapshot": server_on_volume_to_snapshot,
    "server → backup": server_to_backup,
    "rebuild": rebuild,
    "resize": _of_a_server(_moved),
    "shelve → unshelve": _of_a_server(_moved),
    "rescue": _of_a_server(compute.rescued),
    "evacuate": _of_a_server(compute.evacuated),
}


def cell(crossing: str, key: str) -> str:
    """What the rules do, in the table's words."""
    value = SAMPLES[key]
    if value is None and "volume →" in crossing:
        return NOWHERE  # a volume never holds one
    try:
        found = CROSSINGS[crossing](key, value)
    except LookupError:
        return NOWHERE  # a server never holds one
    return _words(crossing, found)


def _words(crossing: str, found: PropertyChange) -> str:
    if found.outcome == "truncated":
        assert len((found.after or "").encode()) == 255
        return "cut at 255 bytes"
    if found.outcome == "renamed":
        return "renamed back" if crossing.startswith("server") else "renamed `image_*`"
    if found.outcome == "changed":
        if found.after == "None":
            return 'the text "None"'
        if found.after == Server.uuid:
            return "the server's"
        moved = dict.fromkeys(("resize", "shelve → unshelve"), "the server's image")
        return {"rebuild": "the new image's", **moved}.get(crossing, "what the host wrote")
    return found.outcome


def _tables(heading: str) -> list[list[list[str]]]:
    section = README.read_text("utf-8").split(f"## {HEADING}", 1)[1].split("\n## ", 1)[0]
    tables = [part.split("\n\n", 1)[0] for part in re.split(rf"^(?=\| {heading} )", section, flags=re.MULTILINE)[1:]]
    return [[[text.strip() for text in line.strip("| ").split("|")] for line in table.splitlines()] for table in tables]


PROPERTIES = _tables("Property")
"""Two: what volumes do, and what servers do."""


def _cells() -> list[tuple[str, str, str]]:
    return [
        (crossing, key, said)
        for heading, _, *rows in PROPERTIES
        for row in rows
        for key in re.findall(r"`([^`]+)`", row[0])
        for crossing, said in zip(heading[1:], row[1:], strict=True)
    ]


@pytest.mark.parametrize(("crossing", "key", "said"), _cells())
def test_the_readme_shows_what_the_rules_do(crossing: str, key: str, said: str) -> None:
    assert said == cell(crossing, key)


def test_the_readme_has_every_crossing_and_every_kind_of_property() -> None:
    assert [crossing for table in PROPERTIES for crossing in table[0][1:]] == list(CROSSINGS)
    found = [(crossing, key) for crossing, key, _ in _cells()]
    assert sorted(found) == sorted((crossing, key) for crossing in CROSSINGS for key in SAMPLES)


def test_the_readme_names_every_rule_there_is_and_no_other() -> None:
    services = {module.__name__.split(".")[1] for module in (image, volume, compute)}
    named = [name for _, rules in _tables("Transfer")[0][2:] for name in re.findall(r"`([^`]+)`", rules)]
    assert sorted(named) == sorted(name for name, rule in RULES.items() if rule.service in services)


def test_every_column_of_the_table_has_its_rule() -> None:
    told = {re.sub(r" \(.*", "", part) for transfer, _ in _tables("Transfer")[0][2:] for part in transfer.split(", ")}
    assert set(CROSSINGS) <= told
