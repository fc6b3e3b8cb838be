"""Images against flavors: each check with what passes and what does not."""

from dataclasses import dataclass, field

import pytest

from stackwire.compute.domain import errors, generated_names, server_status
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.validation import check_image, check_same_numa, check_user_data, kernel_and_ramdisk
from stackwire.core.errors import BadRequest


@dataclass(frozen=True)
class Flavor:
    memory_mb: int = 512
    root_gb: int = 1
    vcpus: int = 4
    extra_specs: dict[str, str] = field(default_factory=dict)


def judge(image, flavor=None, root=None, *, image_id="image-1", zero_disk=False):
    whole = {"status": "active", "min_ram": 0, "min_disk": 0, "size": 1, "properties": {}} | image
    return check_image(whole, image_id, flavor or Flavor(), root, zero_disk_allowed=zero_disk)


def a_volume(size=None):
    return BlockDeviceRequest(
        source_type="image", destination_type="volume", image_id="i", boot_index=0, volume_size=size
    )


@pytest.mark.parametrize(
    ("image", "flavor", "root", "error"),
    [
        ({"status": "queued"}, Flavor(), None, errors.ImageNotActive),
        ({"status": "deactivated"}, Flavor(), None, errors.ImageNotActive),
        ({"properties": {"cinder_encryption_key_id": "k"}}, Flavor(), None, errors.ImageUnacceptable),
        ({"properties": {"img_config_drive": "yes"}}, Flavor(), None, errors.InvalidConfigDrive),
        ({"properties": {"hw_disk_bus": "warp"}}, Flavor(), None, errors.InvalidImageMetadata),
        ({"min_ram": 513}, Flavor(), None, errors.FlavorMemoryTooSmall),
        ({"size": 1024**3 + 1}, Flavor(), None, errors.FlavorDiskSmallerThanImage),
        ({"virtual_size": 10 * 1024**4}, Flavor(), None, errors.FlavorDiskSmallerThanImage),
        ({"min_disk": 2}, Flavor(), None, errors.FlavorDiskSmallerThanMinDisk),
        ({}, Flavor(root_gb=0), None, errors.ZeroDiskForbidden),
        ({"min_disk": 2}, Flavor(), a_volume(1), errors.VolumeSmallerThanMinDisk),
        ({"properties": {"hw_pmu": "no"}}, Flavor(extra_specs={"hw:pmu": "yes"}), None, errors.FlavorImageConflict),
    ],
)
def test_an_image_that_does_not_fit_is_refused(image, flavor, root, error):
    with pytest.raises(error):
        assert judge(image, flavor, root) == {}  # none of their properties is one that Nova's image object types


@pytest.mark.parametrize(
    ("image", "flavor", "root"),
    [
        ({"size": 1024**3, "min_disk": 1, "min_ram": 512}, Flavor(), None),
        ({"size": 1024**5, "min_disk": 2}, Flavor(), a_volume(2)),
        ({"min_disk": 9}, Flavor(), a_volume()),
        ({"properties": {"cinder_encryption_key_id": "k"}}, Flavor(), a_volume(1)),
        ({"size": 0}, Flavor(), None),
    ],
)
def test_an_image_that_fits_passes(image, flavor, root):
    assert judge(image, flavor, root) == {}  # none of their properties is one that Nova's image object types


def test_an_administrator_may_boot_an_image_without_a_root_disk():
    assert judge({"size": 1024**4}, Flavor(root_gb=0), zero_disk=True) == {}
    assert judge({}, Flavor(root_gb=0), a_volume(1)) == {}


def test_nothing_known_is_nothing_to_judge():
    assert check_image({}, None, Flavor(), None, zero_disk_allowed=False) == {}


HARDWARE_CLASHES = [
    ({"hw_vif_multiqueue_enabled": "yes"}, {}, 1),
    ({"hw_redirected_usb_ports": "16"}, {}, 4),
    ({"hw_mem_encryption": "yes"}, {}, 4),
    ({"hw_mem_encryption": "yes", "hw_firmware_type": "uefi", "hw_machine_type": "pc"}, {}, 4),
    ({"hw_serial_port_count": "3"}, {"hw:serial_port_count": "2"}, 4),
    ({}, {"hw:serial_port_count": "many"}, 4),
    ({"hw_cpu_max_sockets": "9"}, {"hw:cpu_max_sockets": "8"}, 4),
    ({"hw_cpu_sockets": "9"}, {"hw:cpu_max_sockets": "8"}, 4),
    ({"hw_cpu_max_sockets": "1", "hw_cpu_max_cores": "1", "hw_cpu_max_threads": "1"}, {}, 4),
    ({"hw_cpu_max_sockets": "2", "hw_cpu_max_cores": "2", "hw_cpu_max_threads": "1"}, {}, 3),
    ({"hw_numa_nodes": "2"}, {"hw:numa_nodes": "2"}, 4),
    ({"hw_numa_nodes": "3"}, {}, 4),
    ({"hw_numa_nodes": "5"}, {}, 4),
    ({"hw_numa_nodes": "2", "hw_numa_cpus.0": "0"}, {}, 4),
    ({"hw_numa_nodes": "2", "hw_numa_cpus.0": "0-1", "hw_numa_cpus.1": "1-3", "hw_numa_mem.0": "256",
      "hw_numa_mem.1": "256"}, {}, 4),
    ({"hw_numa_nodes": "1", "hw_numa_cpus.0": "0-3", "hw_numa_mem.0": "100"}, {}, 4),
    ({"hw_numa_cpus.0": "0-3"}, {}, 4),
    ({"hw_cpu_policy": "dedicated"}, {"hw:cpu_policy": "shared"}, 4),
    ({"hw_cpu_thread_policy": "isolate"}, {"hw:cpu_thread_policy": "require"}, 4),
    ({"hw_cpu_realtime_mask": "^0"}, {}, 4),
    ({"hw_mem_page_size": "2048"}, {}, 4),
    ({"hw_mem_page_size": "2048"}, {"hw:mem_page_size": "small"}, 4),
    ({"hw_locked_memory": "yes"}, {}, 4),
    ({"os_secure_boot": "required"}, {"os:secure_boot": "disabled"}, 4),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "specs", "vcpus"), HARDWARE_CLASHES)
def test_hardware_that_cannot_be_is_refused(properties, specs, vcpus):
    with pytest.raises(errors.FlavorImageConflict):
        judge({"properties": properties}, Flavor(vcpus=vcpus, extra_specs=specs))


HARDWARE = [
    ({"hw_vif_multiqueue_enabled": "yes"}, {}),
    ({"hw_pmu": "yes"}, {"hw:pmu": "true"}),
    ({"hw_cpu_sockets": "2", "hw_cpu_cores": "2"}, {"hw:cpu_max_sockets": "2"}),
    ({"hw_numa_nodes": "2"}, {}),
    ({"hw_numa_nodes": "2", "hw_numa_cpus.0": "0", "hw_numa_cpus.1": "1-3", "hw_numa_mem.0": "128",
      "hw_numa_mem.1": "384"}, {}),
    ({"hw_cpu_policy": "shared"}, {"hw:cpu_policy": "dedicated"}),
    ({"hw_cpu_policy": "dedicated"}, {}),
    ({"hw_mem_page_size": "2048", "hw_locked_memory": "yes"}, {"hw:mem_page_size": "large"}),
    ({"hw_mem_encryption": "yes", "hw_firmware_type": "uefi", "hw_machine_type": "pc-q35-8.2"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "specs"), HARDWARE)
def test_hardware_that_can_be_passes(properties, specs):
    assert len(judge({"properties": properties}, Flavor(extra_specs=specs))) == len(
        {name.partition(".")[0] for name in properties}
    )


def test_a_rebuild_may_not_change_the_numa_layout():
    with pytest.raises(errors.FlavorImageConflict):
        check_same_numa({"hw_numa_nodes": 1}, {})
    check_same_numa({"hw_disk_bus": "ide"}, {"hw_disk_bus": "scsi"})


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, ("", "")),
        ({"kernel_id": "k", "ramdisk_id": "r"}, ("k", "r")),
        ({"kernel_id": "nokernel", "ramdisk_id": "r"}, ("", "")),
    ],
)
def test_kernel_and_ramdisk_are_named_by_the_image(properties, expected):
    assert kernel_and_ramdisk(properties) == expected


@pytest.mark.parametrize("text", ["a b c!", "YQ", "A" * 65536])
def test_user_data_must_be_base64_and_fit(text):
    with pytest.raises(BadRequest):
        check_user_data(text)


@pytest.mark.parametrize("text", [None, "YWJj\nYWJj\n"])
def test_user_data_may_be_absent_or_in_lines(text):
    assert check_user_data(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("srv-from-snapA", "srv-from-snapa"), ("Ümlaut_1.x", "mlaut-1-x"), ("存储", "server-1"), ("-a-", "a"),
     ("x" * 70, "x" * 63)],
)  # fmt: skip
def test_a_host_name_is_made_from_the_servers_name(name, expected):
    assert generated_names.hostname(name, "server-1") == expected


@pytest.mark.parametrize(
    ("vm_state", "task_state", "word"),
    [
        ("active", None, "ACTIVE"), ("active", "rebuilding", "REBUILD"), ("active", "image_snapshot", "ACTIVE"),
        ("stopped", None, "SHUTOFF"), ("stopped", "powering-on", "SHUTOFF"), ("building", "spawning", "BUILD"),
        ("error", None, "ERROR"), ("active", "rebooting_hard", "HARD_REBOOT"), ("junk", None, "UNKNOWN"),
    ],
)  # fmt: skip
def test_a_client_sees_one_word(vm_state, task_state, word):
    assert server_status.status(vm_state, task_state) == word


def test_a_word_stands_for_states():
    assert server_status.states_of("shutoff") == [("stopped", [])]
    assert ("stopped", ["rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"]) in server_status.states_of(
        "REBUILD"
    )
    assert server_status.states_of("BOGUS") == []
