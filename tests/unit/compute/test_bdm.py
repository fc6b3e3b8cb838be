"""Block devices: two syntaxes, what images and flavors add, and every illegal combination."""

from dataclasses import dataclass

import pytest

from stackwire.compute.domain import bdm, bdm_rules
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import InvalidBDM


@dataclass(frozen=True)
class Flavor:
    ephemeral_gb: int = 0
    swap: int = 0


PLAIN = Flavor()


def all_of(entries, *, image_ref="", image=None, flavor=PLAIN, count=1):
    def asked(_no_root):
        return bdm.from_v2(entries, has_image=bool(image_ref))

    wishes = bdm.assembled(asked, image or {}, flavor, legacy=False)
    bdm_rules.check(wishes, flavor, count=count, image_ref=image_ref)
    return wishes


def a_root_volume(**changes):
    return {"source_type": "volume", "destination_type": "volume", "uuid": "v", "boot_index": 0} | changes


IMAGE_LOCAL = {"source_type": "image", "destination_type": "local", "uuid": "i", "boot_index": 0}
IMAGE_VOLUME = {"source_type": "image", "destination_type": "volume", "uuid": "i", "boot_index": 0, "volume_size": 1}
BLANK = {"source_type": "blank", "destination_type": "local", "volume_size": 1}

ILLEGAL = {
    "two boot devices, the image and a volume of it": ([IMAGE_LOCAL, IMAGE_VOLUME], {"image_ref": "i"}),
    "boot index 0 twice": ([a_root_volume(), a_root_volume(uuid="w")], {}),
    "a gap in the boot indexes": ([a_root_volume(), a_root_volume(uuid="w", boot_index=2)], {}),
    "no boot index at all": ([a_root_volume(boot_index=None)], {}),
    "a negative boot index only": ([a_root_volume(boot_index=-1)], {}),
    "a volume on a local disk": ([a_root_volume(destination_type="local")], {}),
    "an image on a second local disk": ([IMAGE_LOCAL | {"boot_index": 1}], {"image_ref": "i"}),
    "an image on a local disk without imageRef": ([IMAGE_LOCAL], {}),
    "a blank device with a uuid": ([a_root_volume(), BLANK | {"uuid": "x"}], {}),
    "a volume without its uuid": ([a_root_volume(uuid=None)], {}),
    "a snapshot without its uuid": ([{"source_type": "snapshot", "boot_index": 0}], {}),
    "no source": ([{"destination_type": "volume", "boot_index": 0}], {}),
    "a volume from an image without a size": ([IMAGE_VOLUME | {"volume_size": None}], {}),
    "a volume from an image of size 0": ([IMAGE_VOLUME | {"volume_size": 0}], {}),
    "a blank volume without a size": (
        [a_root_volume(), {"source_type": "blank", "destination_type": "volume"}], {},
    ),
    "a volume type for a local disk": ([a_root_volume(), BLANK | {"volume_type": "fast"}], {}),
    "a volume type for a volume that exists": ([a_root_volume(volume_type="fast")], {}),
    "more ephemeral storage than the flavor": ([a_root_volume(), BLANK], {}),
    "more swap than the flavor": (
        [a_root_volume(), BLANK | {"guest_format": "swap", "volume_size": 9}], {"flavor": Flavor(swap=8)},
    ),
    "two swap devices": (
        [a_root_volume(), *[BLANK | {"guest_format": "swap"}] * 2], {"flavor": Flavor(swap=8)},
    ),
    "four local devices": (
        [IMAGE_LOCAL, *[BLANK] * 3], {"image_ref": "i", "flavor": Flavor(ephemeral_gb=9)},
    ),
    "an unknown bus": ([a_root_volume(disk_bus="warp")], {}),
    "a device name with a blank": ([a_root_volume(device_name="a b")], {}),
    "one volume twice": ([a_root_volume(), a_root_volume(boot_index=1)], {}),
    "one tag twice": ([a_root_volume(tag="t"), a_root_volume(uuid="w", boot_index=1, tag="t")], {}),
    "a volume for two servers": ([a_root_volume()], {"count": 2}),
    "27 disks": ([a_root_volume(uuid=str(n), boot_index=n) for n in range(27)], {}),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "given"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_an_illegal_combination_is_refused(entries, given):
    with pytest.raises(InvalidBDM):
        all_of(entries, **given)


def test_a_volume_can_be_the_root():
    (root,) = all_of([a_root_volume()])
    assert (root.volume_id, root.is_root, root.is_volume) == ("v", True, True)


def test_sources_go_where_they_go_unless_configured_otherwise():
    wishes = bdm.from_v2(
        [{"source_type": "snapshot", "uuid": "s"}, {"source_type": "blank", "volume_size": 1}], has_image=False
    )
    assert [wish.destination_type for wish in wishes] == ["volume", "local"]


def test_the_flavor_brings_its_ephemeral_and_swap_disks():
    wishes = all_of([IMAGE_LOCAL], image_ref="i", flavor=Flavor(ephemeral_gb=5, swap=256))
    assert [(wish.guest_format, wish.volume_size) for wish in wishes[1:]] == [(None, 5), ("swap", 256)]
    wishes = all_of([IMAGE_LOCAL, BLANK], image_ref="i", flavor=Flavor(ephemeral_gb=5))
    assert len(wishes) == 2, "an ephemeral disk asked for stands in for the flavor's"


# ---- the old syntax


def test_a_server_from_an_image_alone_gets_its_local_disk():
    (disk,) = bdm.from_v1([], "i", "vda", no_root=False)
    assert disk == BlockDeviceRequest(
        source_type="image", destination_type="local", image_id="i", boot_index=0, device_type="disk",
        delete_on_termination=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"virtual_name": "swap", "device_name": "vdb"}, ("blank", "local", "swap", True)),
        ({"virtual_name": "ephemeral0", "device_name": "vdb"}, ("blank", "local", None, True)),
        ({"snapshot_id": "s", "device_name": "vdb"}, ("snapshot", "volume", None, False)),
        ({"volume_id": "v", "device_name": "vdb"}, ("volume", "volume", None, False)),
    ],
)
def test_an_old_entry_is_read(entry, expected):
    wish = bdm.from_v1([entry], "i", "vda", no_root=False)[1]
    assert (wish.source_type, wish.destination_type, wish.guest_format, wish.delete_on_termination) == expected
    assert wish.boot_index == -1


def test_in_the_old_syntax_the_root_devices_name_makes_the_root():
    (wish,) = bdm.from_v1([{"volume_id": "v", "device_name": "/dev/vda"}], "i", "vda", no_root=False)
    assert wish.is_root


def test_an_old_entry_that_names_nothing_is_refused():
    with pytest.raises(InvalidBDM):
        bdm.from_v1([{"device_name": "vdb"}], "", "vda", no_root=False)


# ---- what the image brings

SNAPSHOT_IMAGE = {
    "properties": {
        "bdm_v2": "True",
        "block_device_mapping": [
            {"source_type": "snapshot", "destination_type": "volume", "snapshot_id": "s", "boot_index": 0,
             "volume_size": 1, "device_name": "/dev/sda", "delete_on_termination": False, "no_device": None},
        ],
    }
}  # fmt: skip


def test_an_images_root_device_takes_the_place_of_the_clients_image_disk():
    wishes = all_of([IMAGE_LOCAL], image_ref="i", image=SNAPSHOT_IMAGE)
    assert [(wish.source_type, wish.snapshot_id, wish.boot_index) for wish in wishes] == [("snapshot", "s", 0)]


def test_an_images_root_device_needs_no_image_disk_in_the_old_syntax():
    wishes = bdm.assembled(
        lambda no_root: bdm.from_v1([], "i", "vda", no_root=no_root), SNAPSHOT_IMAGE, PLAIN, legacy=True
    )
    assert [wish.source_type for wish in wishes] == ["snapshot"]


def test_the_request_overrides_the_image_by_device_name():
    wishes = all_of([a_root_volume(device_name="sda")], image=SNAPSHOT_IMAGE)
    assert [wish.volume_id for wish in wishes] == ["v"]


@pytest.mark.parametrize(
    "mapping", ["text", [1], [{"destination_type": "volume"}], [{"source_type": "volume", "volume_size": "x"}],
                [{"source_type": "volume", "volume_id": 5}]],
)  # fmt: skip
def test_an_images_mapping_that_cannot_be_read_is_refused(mapping):
    with pytest.raises(InvalidBDM):
        bdm.from_image({"properties": {"bdm_v2": "True", "block_device_mapping": mapping}}, PLAIN)


def test_mappings_become_blank_disks_of_the_flavors_sizes():
    listed = [{"virtual": "ami", "device": "sda"}, {"virtual": "swap", "device": "sdb"},
              {"virtual": "ephemeral0", "device": "/dev/sdc"}]  # fmt: skip
    wishes = bdm.from_image({"properties": {"mappings": listed}}, Flavor(ephemeral_gb=4))
    assert [(wish.device_name, wish.volume_size) for wish in wishes] == [("/dev/sdc", 4)]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"root_device_name": "/dev/sda"}, "/dev/sda"),
        ({"mappings": [{"virtual": "root", "device": "xvda"}]}, "/dev/xvda"),
        ({}, None),
    ],
)
def test_an_image_may_name_the_root_device(properties, expected):
    assert bdm.root_device_of(properties) == expected


def test_a_volume_cannot_take_the_root_disks_name():
    wish = BlockDeviceRequest(source_type="volume", destination_type="volume", volume_id="v", device_name="/dev/vda")
    with pytest.raises(InvalidBDM):
        bdm_rules.check_root_name([wish], "i", "vda")
    bdm_rules.check_root_name([wish], "", "vda")


# ---- whose metadata is booted


@pytest.mark.parametrize(
    ("name", "letter"), [("vda", "a"), ("/dev/sda1", "a"), ("xvda", "a"), ("vdb", "b"), ("/dev/vdba", "ba")]
)
def test_a_device_has_a_letter(name, letter):
    assert bdm.device_letter(name) == letter


def test_the_boot_candidate_is_index_0_or_letter_a():
    wishes = [
        BlockDeviceRequest(
            source_type="volume", destination_type="volume", volume_id="v", device_name="vda", boot_index=-1
        ),
        BlockDeviceRequest(
            source_type="volume", destination_type="volume", volume_id="w", device_name="vdb", boot_index=0
        ),
    ]
    assert bdm.boot_candidate(wishes, legacy=True).volume_id == "v"
    assert bdm.boot_candidate(wishes, legacy=False).volume_id == "w"
    assert bdm.boot_candidate([], legacy=False) is None
