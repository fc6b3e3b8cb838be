"""The typed properties: every kind of type with a value it has and one it has not."""

import pytest

from stackwire.compute.domain.image_props import LEGACY, TABLE, BadProperty, cpu_set, known, typed

GOOD = [
    ("hw_architecture", "AMD64", "x86_64"),
    ("hw_disk_bus", "virtio", "virtio"),
    ("hw_cpu_cores", "4", 4),
    ("hw_cpu_policy", "dedicated", "dedicated"),
    ("hw_qemu_guest_agent", "yes", True),
    ("hw_qemu_guest_agent", "perhaps", False),
    ("hw_scsi_model", "lsiLogicSas", "lsisas1068"),
    ("hw_scsi_model", "paravirtual", "vmpvscsi"),
    ("hw_vif_model", "VirtualE1000", "e1000"),
    ("hw_vm_mode", "pv", "xen"),
    ("img_hv_type", "QEMU", "qemu"),
    ("img_hv_requested_version", ">=1.1, <6.0", ">=1.1, <6.0"),
    ("os_type", "Windows", "windows"),
    ("img_block_device_mapping", [{"boot_index": 0}], [{"boot_index": 0}]),
    ("img_signature_certificate_uuid", "not-a-uuid", "not-a-uuid"),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_a_property_has_its_types_value(name, value, expected):
    assert typed({name: value}) == {name: expected}


BAD = [
    ("hw_architecture", "z80"),
    ("hw_disk_bus", "warp"),
    ("hw_cpu_cores", "four"),
    ("hw_cpu_cores", "1.5"),
    ("hw_video_ram", ""),
    ("hw_cpu_policy", "Dedicated"),
    ("hw_firmware_type", "openfirmware"),
    ("hw_scsi_model", "scsi-9"),
    ("img_hv_requested_version", "newest"),
    ("img_hv_requested_version", "1"),
    ("img_hv_requested_version", "=1"),
    ("img_hv_requested_version", ">=1,"),
    ("img_config_drive", "yes"),
    ("os_secure_boot", "maybe"),
    ("img_mappings", "[broken"),
    ("block_device_mapping", [1, 2]),
    ("architecture", "z80"),
    ("vmware_adaptertype", "warp"),
    ("hw_numa_cpus.0", "0-"),
    ("hw_numa_mem.0", "much"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_another_value_is_refused_under_the_name_the_image_uses(name, value):
    with pytest.raises(BadProperty) as refused:
        typed({name: value})
    assert refused.value.name == name


@pytest.mark.parametrize(("old", "today"), LEGACY.items())
def test_an_old_name_is_read_under_todays(old, today):
    assert today in TABLE
    assert known(old)


def test_todays_name_wins_over_the_old_one():
    assert typed({"hw_architecture": "s390x", "architecture": "x86_64"}) == {"hw_architecture": "s390x"}


def test_unknown_properties_and_nulls_are_not_read():
    assert typed({"team": "storage", "hw_disk_bus": None}) == {}
    assert not known("team")


@pytest.mark.parametrize(
    ("adapter", "expected"),
    [("ide", {"hw_disk_bus": "ide"}), ("lsiLogic", {"hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"})],
)
def test_vmwares_adapter_names_a_bus_and_a_model(adapter, expected):
    assert typed({"vmware_adaptertype": adapter}) == expected


def test_numa_cells_are_read_up_to_the_first_gap():
    found = typed({"hw_numa_cpus.0": "0-2,^1", "hw_numa_cpus.1": "1,3", "hw_numa_cpus.3": "9", "hw_numa_mem.0": "512"})
    assert found == {"hw_numa_cpus": [frozenset({0, 2}), frozenset({1, 3})], "hw_numa_mem": [512]}


def test_required_traits_are_listed():
    assert typed({"trait:HW_CPU_X86_AVX": "required", "trait:X": "maybe"}) == {"traits_required": ["HW_CPU_X86_AVX"]}


@pytest.mark.parametrize("text", ["", "a", "3-1", "^1", "1,^1", "^0-3", "0-99999", "-1"])
def test_a_set_of_cpus_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="CPUs"):
        cpu_set(text)


RECORDED = {
    "architecture": "x86_64", "hw_cdrom_bus": "sata", "hw_disk_bus": "scsi", "hw_machine_type": "q35",
    "hw_qemu_guest_agent": "yes", "hw_scsi_model": "virtio-scsi", "hw_video_model": "virtio", "hw_vif_model": "virtio",
    "img_signature_hash_method": "SHA-256", "img_signature_key_type": "RSA-PSS", "os_admin_user": "debian",
    "os_distro": "debian", "os_require_quiesce": "yes", "os_secure_boot": "optional", "os_type": "linux",
}  # fmt: skip
"""What a recorded server's view has of its image since 2.98."""
UNSHOWN = (
    "Mixed:Case base_image_ref empty_value image_build_id img_signature_note instance_uuid long_note os_version"
    " owner_specified.note team unicode_note user_note"
)
"""What else the image has."""


def test_of_a_recorded_image_the_view_and_the_request_spec_have_the_fifteen_properties_nova_knows():
    image = {**RECORDED, **dict.fromkeys(UNSHOWN.split(), "x")}
    assert {name for name in image if known(name)} == set(RECORDED)
    spec = {**RECORDED, "hw_architecture": "x86_64", "hw_qemu_guest_agent": True, "os_require_quiesce": True}
    del spec["architecture"]
    assert typed(image) == spec
