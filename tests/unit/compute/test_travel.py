"""Each crossing of the compute service against each kind of property, and against the rows of a recorded cloud."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackwire.compute.domain import bdm_mapping, travel
from stackwire.compute.domain.travel_values import image_dict
from stackwire.core.behaviours import behaviours_of

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "golden" / "compute_travel.json").read_text("utf-8"))
TODAY = behaviours_of()
IMAGES, SERVERS = RECORDED["images"], RECORDED["servers"]


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


def an_image(**changes):
    image = {
        "id": "image-1", "status": "active", "size": 1024, "min_disk": 0, "min_ram": 0, "disk_format": "raw",
        "container_format": "bare", "properties": {},
    }  # fmt: skip
    return image | changes


def rows_of(properties, behaviours=TODAY, **changes):
    return travel.system_metadata(an_image(properties=properties, **changes), Flavor(), behaviours)


LONG = "é" * 300
KINDS = [
    ("a custom property", {"team": "storage"}, {"image_team": "storage"}),
    ("a typed property", {"hw_disk_bus": "scsi"}, {"image_hw_disk_bus": "scsi"}),
    ("a null", {"team": None}, {"image_team": "None"}),
    ("an empty value", {"team": ""}, {"image_team": ""}),
    ("a signature", {"img_signature": "SIG"}, {"image_img_signature": "SIG"}),
    ("a reserved property", {"os_glance_stage_host": "h"}, {"image_os_glance_stage_host": "h"}),
    ("a value too long, in ASCII", {"note": "x" * 300}, {"image_note": "x" * 255}),
    ("a value too long, of two bytes each", {"note": LONG}, {"image_note": "é" * 127}),
    ("a list that no row can hold", {"mappings": [{"virtual": "root"}], "block_device_mapping": "[]"}, {}),
    ("a name that leaves no room for the prefix", {"n" * 250: "v"}, {}),
    ("a name that just fits", {"n" * 249: "v"}, {"image_" + "n" * 249: "v"}),
    ("a property named like an attribute", {"min_ram": "7"}, {}),
]
ATTRIBUTES = {"image_min_ram", "image_min_disk", "image_disk_format", "image_container_format"}


@pytest.mark.parametrize(("properties", "expected"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS])
def test_an_image_leaves_rows_on_a_server(properties, expected):
    rows = rows_of(properties)
    assert {key: value for key, value in rows.items() if key not in ATTRIBUTES} == expected


def test_values_were_cut_at_characters_before_they_were_cut_at_bytes():
    rows = rows_of({"note": LONG}, behaviours_of(without=["lp-1425657"]))
    assert rows["image_note"] == "é" * 255
    assert rows_of({"note": "💾" * 100})["image_note"] == "💾" * 63, "never half a character"


@pytest.mark.parametrize(
    ("image", "root_gb", "least"),
    [
        ({"min_disk": 0}, 20, "20"),
        ({"min_disk": 40}, 20, "40"),
        ({"min_disk": None}, 20, "20"),
        ({"min_disk": 40, "disk_format": "vhd"}, 20, "20"),
    ],
)
def test_the_least_disk_is_at_least_the_flavors(image, root_gb, least):
    rows = travel.system_metadata(an_image(**image), Flavor(root_gb), TODAY)
    assert rows["image_min_disk"] == least


def test_a_server_names_its_base_image_unless_the_image_names_one():
    common = {"image_ref": "image-1", "user_name": "ann", "project_name": None}
    fresh = travel.at_create(an_image(), Flavor(), TODAY, **common)
    assert fresh["image_base_image_ref"] == "image-1"
    assert fresh["owner_user_name"] == "ann"
    assert "owner_project_name" not in fresh
    grown = travel.at_create(an_image(properties={"base_image_ref": "first"}), Flavor(), TODAY, **common)
    assert grown["image_base_image_ref"] == "first"


# ---- the recorded servers


def recorded_create(image, image_ref):
    rows = travel.at_create(
        image_dict(image), Flavor(), TODAY, image_ref=image_ref, user_name="demo", project_name="demo"
    )
    return rows | {"boot_roles": "member,reader"}


NAMES = RECORDED["names"]


@pytest.mark.parametrize(
    ("server", "image", "image_ref"),
    [
        ("srv-img", "img1", NAMES["img1"]),
        ("srv-img2vol", "img1", ""),
        ("srv-img2vol-b", "img2", ""),
        ("srv-from-snapA", "snapA", NAMES["snapA"]),
        ("srv-from-snapV", "snapV", NAMES["snapV"]),
    ],
)
def test_a_server_from_an_image_has_the_rows_of_the_recorded_one(server, image, image_ref):
    assert recorded_create(IMAGES[image], image_ref) == SERVERS[server]


def test_a_server_from_a_volume_has_the_rows_of_the_recorded_one():
    meta = travel.image_meta_from_volume(RECORDED["volumes"]["vol-img"], TODAY)
    assert {key: value for key, value in meta.items() if key != "properties"} == {
        "size": 1073741824, "min_ram": 64, "min_disk": 1, "status": "active",
    }  # fmt: skip
    assert recorded_create(meta, "") == SERVERS["srv-vol"]


@pytest.mark.parametrize(
    ("before", "image", "after"),
    [
        ("srv-img", "img1", "srv-img@rebuilt-same"),
        ("srv-img@rebuilt-same", "img2", "srv-img@rebuilt-other"),
        ("srv-img2vol", "img2", "srv-img2vol@rebuilt"),
    ],
)
def test_a_rebuild_leaves_the_rows_of_the_recorded_one(before, image, after):
    rows = travel.rebuilt(IMAGES[image], SERVERS[before], Flavor(), IMAGES[image]["id"], TODAY)
    assert rows == SERVERS[after]


def recorded_server(name):
    return Server(uuid=NAMES[name], project_id=RECORDED["project"])


@pytest.mark.parametrize(
    ("server", "rows", "image"),
    [
        ("srv-img", "srv-img", "snapA"),
        ("srv-img", "srv-img@rebuilt-other", "snapR"),
        ("srv-from-snapA", "srv-from-snapA", "snapAA"),
    ],
)
def test_a_snapshot_carries_the_properties_of_the_recorded_one(server, rows, image):
    made = travel.snapshot_image(
        SERVERS[rows], recorded_server(server), image, {"note": "from the journey"}, TODAY,
        user_id=RECORDED["user"], project_id=RECORDED["project"],
    )  # fmt: skip
    told = travel.uploaded_snapshot(SERVERS[rows], recorded_server(server), "raw")
    recorded = IMAGES[image]
    assert made["properties"] | told["properties"] == recorded["properties"]
    figures = ("min_disk", "min_ram", "visibility", "name")
    assert [made[key] for key in figures] == [recorded[key] for key in figures]
    assert "disk_format" not in made
    assert (told["disk_format"], told["container_format"]) == (recorded["disk_format"], recorded["container_format"])


def test_a_volume_backed_snapshot_carries_the_properties_of_the_recorded_one():
    @dataclass(frozen=True)
    class Device:
        boot_index: int
        delete_on_termination: bool
        destination_type: str
        device_name: str
        device_type: str | None
        disk_bus: str | None
        guest_format: str | None
        image_id: str | None
        no_device: bool
        source_type: str
        tag: str | None
        volume_id: str
        volume_size: int
        volume_type: str | None
        snapshot_id: str | None

    device = Device(**RECORDED["devices"]["srv-vol"])
    recorded = dict(IMAGES["snapV"]["properties"])
    layout = json.loads(recorded.pop("block_device_mapping"))
    mapping = [bdm_mapping.snapshot_mapping(device, layout[0]["snapshot_id"], 1)]
    made = travel.volume_snapshot_image(
        SERVERS["srv-vol"], recorded_server("srv-vol"), "snapV", {"note": "from the journey"}, mapping, TODAY,
        project_id=RECORDED["project"],
    )  # fmt: skip
    assert json.loads(made["properties"].pop("block_device_mapping")) == layout
    assert made["properties"] == recorded
    assert (made["size"], made["disk_format"], made["min_ram"], made["min_disk"]) == (0, "raw", 64, 1)


# ---- what was open once, and what was wrong


def test_question_one_what_a_server_recorded_is_the_image_it_is_judged_by_later():
    """The first open question: later uses read the image out of the system metadata, not out of Glance."""
    meta = travel.image_meta(SERVERS["srv-img"], TODAY)
    assert (meta["min_ram"], meta["min_disk"], meta["disk_format"]) == (64, 1, "raw")
    assert meta["properties"]["hw_disk_bus"] == "scsi"
    assert meta["properties"]["boot_roles"] == "member,reader", "rows without the prefix come along"


def test_question_three_snapshots_inherit_what_the_server_recorded():
    """The third open question; in Icehouse what the image said at the time of the snapshot won."""
    rows = {"image_team": "old", "image_base_image_ref": "image-1"}
    current = rows_of({"team": "new", "added": "later"})
    common = {"user_id": "u", "project_id": "project-1", "current": current}
    today = travel.snapshot_image(rows, Server(), "s", {}, TODAY, **common)
    assert today["properties"]["team"] == "old"
    assert "added" not in today["properties"]
    icehouse = travel.snapshot_image(rows, Server(), "s", {}, behaviours_of("icehouse"), **common)
    assert (icehouse["properties"]["team"], icehouse["properties"]["added"]) == ("new", "later")
    assert icehouse["properties"]["base_image_ref"] == "image-1"


def test_in_icehouse_a_volume_backed_snapshot_took_what_the_volume_said():
    volume = {"size": 1, "volume_image_metadata": {"team": "now"}}
    icehouse = behaviours_of("icehouse")
    made = travel.volume_snapshot_image(
        {"image_team": "then"}, Server(), "s", {"x": "y"}, [], icehouse,
        project_id="project-1", current=travel.image_meta_from_volume(volume, icehouse),
    )  # fmt: skip
    assert made["properties"] == {"team": "now", "root_device_name": "/dev/sda", "x": "y"}


@pytest.mark.parametrize(("release", "kept"), [("ussuri", False), ("victoria", True), ("pike", False)])
def test_the_rebuild_bug_lost_base_image_ref_until_victoria(release, kept):
    rows = {"image_base_image_ref": "old", "image_team": "a", "boot_roles": "member"}
    behaviours = behaviours_of(release)
    after = travel.rebuilt(an_image(id="new"), rows, Flavor(), "new", behaviours)
    assert ("image_base_image_ref" in after) is kept
    assert after["boot_roles"] == "member"
    assert "image_team" not in after
    snapshot = travel.snapshot_image(after, Server(), "s", {}, behaviours, user_id="u", project_id="project-1")
    assert snapshot["properties"].get("base_image_ref") == ("new" if kept else None)


def test_a_rebuild_names_the_new_image_even_when_that_names_another_base():
    after = travel.rebuilt(an_image(properties={"base_image_ref": "elder"}), {}, Flavor(), "new", TODAY)
    assert after["image_base_image_ref"] == "new"


@pytest.mark.parametrize(("release", "base"), [("ussuri", "elder"), ("victoria", "own"), ("current", "own")])
def test_a_move_names_the_servers_own_image_as_its_base_and_leaves_the_rest(release, base):
    rows = {"image_base_image_ref": "elder", "image_team": "a", "boot_roles": "member"}
    assert travel.moved(rows, "own", behaviours_of(release)) == {**rows, "image_base_image_ref": base}


def test_a_move_of_a_server_on_a_volume_leaves_no_base():
    assert travel.moved({"image_base_image_ref": "elder"}, "", TODAY) == {"image_base_image_ref": ""}


@pytest.mark.parametrize(
    ("release", "without", "attributes", "image_id_kept"),
    [
        ("current", (), True, False),
        ("current", ("bdm-lookup-drops-base-keys",), True, True),
        ("icehouse", (), False, True),
    ],
)
def test_a_volume_describes_its_image_in_three_generations(release, without, attributes, image_id_kept):
    volume = {"size": 2, "volume_image_metadata": {"image_id": "i", "min_ram": "64", "team": "a"}}
    meta = travel.image_meta_from_volume(volume, behaviours_of(release, without))
    assert (meta.get("min_ram"), meta.get("size")) == ((64, 2 * 1024**3) if attributes else (None, None))
    assert ("image_id" in meta["properties"]) is image_id_kept
    assert meta["properties"]["team"] == "a"


def test_a_volume_without_rows_reveals_nothing_but_its_size():
    meta = travel.image_meta_from_volume({"size": 1, "volume_image_metadata": None}, TODAY)
    assert meta == {"properties": {}, "size": 1024**3, "min_ram": 0, "min_disk": 0, "status": "active"}


BARRED = [
    ("cache_in_nova", True, True),
    ("bittorrent", True, True),
    ("img_signature", True, False),
    ("img_signature_certificate_uuid", True, False),
    ("cinder_encryption_key_id", True, False),
    ("cinder_encryption_key_deletion_policy", True, False),
    ("os_glance_importing_to_stores", True, False),
    ("signature_verified", False, False),
    ("team", False, False),
]


@pytest.mark.parametrize(("name", "today", "before_train"), BARRED)
def test_what_is_true_of_one_images_bytes_never_passes_into_a_snapshot(name, today, before_train):
    common = {"user_id": "u", "project_id": "project-1"}
    for behaviours, barred in ((TODAY, today), (behaviours_of("stein"), before_train)):
        made = travel.snapshot_image({f"image_{name}": "v"}, Server(), "s", {}, behaviours, **common)
        assert (name not in made["properties"]) is barred


def test_a_second_generation_snapshot_speaks_of_its_own_server():
    rows = {"boot_roles": "mine", "image_boot_roles": "theirs"}
    assert travel.image_meta(rows, TODAY)["properties"]["boot_roles"] == "mine"
    assert travel.image_meta(dict(reversed(rows.items())), TODAY)["properties"]["boot_roles"] == "mine"
    before = behaviours_of(without=["second-generation-identity"])
    assert travel.image_meta(rows, before)["properties"]["boot_roles"] == "theirs", "row order decided"


def test_a_foreign_projects_snapshot_is_shared_with_the_servers_project():
    made = travel.snapshot_image({}, Server(), "s", {}, TODAY, user_id="admin", project_id="other")
    assert (made["visibility"], made["member"]) == ("shared", "project-1")
    assert "instance_owner" not in made["properties"]


def test_the_callers_properties_win_in_a_snapshot():
    made = travel.snapshot_image(
        {"image_team": "a"}, Server(), "s", {"team": "b", "image_type": "mine"}, TODAY,
        user_id="u", project_id="project-1",
    )  # fmt: skip
    assert made["properties"] == {"team": "b", "image_type": "mine", "instance_uuid": "server-1", "user_id": "u"}


def test_a_backup_keeps_its_formats():
    made = travel.snapshot_image(
        {"image_disk_format": "qcow2"}, Server(), "s", {}, TODAY,
        user_id="u", project_id="project-1", image_type="backup",
    )  # fmt: skip
    assert made["disk_format"] == "qcow2"


def test_kernel_and_os_type_are_reported_only_when_the_server_has_them():
    told = travel.uploaded_snapshot({}, Server(kernel_id="k", os_type="linux"), "qcow2")
    assert told["properties"] == {
        "image_location": "snapshot", "image_state": "available", "owner_id": "project-1", "kernel_id": "k",
        "os_type": "linux",
    }  # fmt: skip
    assert told["container_format"] == "bare"


def test_structured_properties_are_read_as_lists_and_odd_ones_left_to_the_checks():
    image = {"properties": {"mappings": '[{"virtual": "root"}]', "block_device_mapping": "not json"}}
    read = image_dict(image)["properties"]
    assert read == {"mappings": [{"virtual": "root"}], "block_device_mapping": "not json"}


def test_no_rule_changes_what_it_is_given():
    rows, image = dict(SERVERS["srv-from-snapA"]), json.loads(json.dumps(IMAGES["img1"]))
    travel.rebuilt(image, rows, Flavor(), "new", TODAY)
    travel.snapshot_image(rows, Server(), "s", {}, TODAY, user_id="u", project_id="p")
    image_dict(image)
    assert (rows, image) == (SERVERS["srv-from-snapA"], IMAGES["img1"])
