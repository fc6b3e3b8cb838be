"""What libvirt itself says of our guest definitions: its schema and its own test driver. No hypervisor is needed."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stackwire.compute.backends import guest
from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.model import BlockDevice, Flavor, Instance
from stackwire.compute.domain.server import Server
from support.postgres import skip_or_fail

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"
GUESTS: dict[str, dict[str, object]] = {
    "nothing asked for": {},
    "a scsi disk": {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"},
    "sata on q35": {"hw_disk_bus": "sata", "hw_machine_type": "q35"},
    "uefi with secure boot": {"hw_firmware_type": "uefi", "os_secure_boot": "required", "hw_machine_type": "q35"},
    "an agent, a watchdog and a boot menu": {
        "hw_qemu_guest_agent": True,
        "hw_watchdog_action": "reset",
        "hw_boot_menu": True,
    },
    "a tpm": {"hw_tpm_version": "2.0", "hw_tpm_model": "tpm-crb"},
    "another network card": {"hw_vif_model": "e1000e"},
    "packed rings": {"hw_virtio_packed_ring": True},
    "windows": {"os_type": "windows"},
    "two numa nodes": {"hw_numa_nodes": 2},
    "a topology": {"hw_cpu_cores": 4},
    "sound, a tablet and a screen": {
        "hw_sound_model": "ich9",
        "hw_pointer_model": "usbtablet",
        "hw_video_model": "qxl",
    },
    "a configuration drive": {"img_config_drive": "mandatory"},
    "no trace of the hypervisor": {"img_hide_hypervisor_id": True, "hw_pmu": False},
}


@pytest.fixture(params=GUESTS, scope="module")
def definition(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("guest") / "guest.xml"
    file.write_text(guest.define(a_server(), GUESTS[request.param], "/var/lib/disk", "/var/log/console.log").xml)
    return file


def a_server() -> Server:
    columns = dict.fromkeys(Instance.__dataclass_fields__) | {
        "id": 7, "uuid": UUID, "display_name": "srv <&>", "image_ref": "img", "kernel_id": "", "ramdisk_id": "",
        "config_drive": "", "created_at": NOW, "root_device_name": "/dev/vda",
    }  # fmt: skip
    disk = dict.fromkeys(BlockDevice.__dataclass_fields__) | {
        "id": 1, "uuid": UUID, "instance_uuid": UUID, "source_type": "image", "destination_type": "local",
        "boot_index": 0, "device_name": "/dev/vda", "device_type": "disk", "created_at": NOW,
    }  # fmt: skip
    return Server(
        instance=Instance(**columns),
        flavor=Flavor(
            id=1, flavorid="f", name="m1", memory_mb=1024, vcpus=4, root_gb=1, extra_specs={}, created_at=NOW
        ),
        devices=(BlockDevice(**disk),),
        metadata={},
        system_metadata={},
        request_spec={},
        addresses=(FixedIp(uuid=UUID, label="private", address="10.0.0.2", mac="fa:16:3e:00:00:01"),),
    )


def test_libvirt_takes_the_definition_and_its_schema_fits(definition: Path, tmp_path: Path):
    if shutil.which("virsh") is None:
        skip_or_fail("virsh is not installed (Debian: libvirt-clients)")
    there = tmp_path / "there.xml"
    there.write_text(definition.read_text().replace('type="qemu"', 'type="test"', 1))
    command = ["virsh", "-c", "test:///default", "define", "--validate", str(there)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert told.returncode == 0, f"{told.stderr}\n{there.read_text()}"
