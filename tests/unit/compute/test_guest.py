"""The guest definition, property by property."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stackwire.compute.backends import guest
from stackwire.compute.backends.domain_xml import GuestUnsupported
from stackwire.compute.domain import guest_topology
from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.model import BlockDevice, Flavor, Instance
from stackwire.compute.domain.server import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"


def a_server(vcpus=4, extra_specs=None, name="srv", **columns) -> Server:
    values = dict.fromkeys(Instance.__dataclass_fields__)
    values |= {
        "id": 7, "uuid": UUID, "display_name": name, "image_ref": "img", "kernel_id": "", "ramdisk_id": "",
        "config_drive": "", "created_at": NOW, "root_device_name": "/dev/vda", **columns,
    }  # fmt: skip
    flavor = Flavor(
        id=1, flavorid="f", name="m1", memory_mb=1024, vcpus=vcpus, root_gb=1, extra_specs=extra_specs or {},
        created_at=NOW,
    )  # fmt: skip
    return Server(
        instance=Instance(**values),
        flavor=flavor,
        devices=(a_disk(),),
        metadata={},
        system_metadata={},
        request_spec={},
    )


def a_disk(**fields) -> BlockDevice:
    values = dict.fromkeys(BlockDevice.__dataclass_fields__)
    values |= {
        "id": 1, "uuid": UUID, "instance_uuid": UUID, "source_type": "image", "destination_type": "local",
        "boot_index": 0, "device_name": "/dev/vda", "device_type": "disk", "created_at": NOW, **fields,
    }  # fmt: skip
    return BlockDevice(**values)


def defined(server=None, **properties):
    made = guest.define(server or a_server(), properties, "/h/disk", "/h/console.log")
    return ET.fromstring(made.xml), made.used


@pytest.mark.parametrize(
    ("properties", "path", "attributes"),
    [
        ({"hw_disk_bus": "sata"}, "devices/disk/target", {"bus": "sata"}),
        ({"hw_scsi_model": "virtio-scsi"}, "devices/controller", {"type": "scsi", "model": "virtio-scsi"}),
        ({"hw_machine_type": "q35"}, "os/type", {"machine": "q35"}),
        ({"hw_firmware_type": "uefi"}, "os", {"firmware": "efi"}),
        ({"hw_firmware_type": "uefi", "os_secure_boot": "required"}, "features/smm", {"state": "on"}),
        ({"hw_boot_menu": True}, "os/bootmenu", {"enable": "yes"}),
        ({"hw_video_model": "qxl"}, "devices/video/model", {"type": "qxl"}),
        ({"hw_watchdog_action": "reset"}, "devices/watchdog", {"action": "reset"}),
        ({"hw_tpm_version": "2.0", "hw_tpm_model": "tpm-crb"}, "devices/tpm", {"model": "tpm-crb"}),
        ({"hw_pmu": False}, "features/pmu", {"state": "off"}),
        ({"img_hide_hypervisor_id": True}, "features/kvm/hidden", {"state": "on"}),
        ({"os_type": "windows"}, "clock", {"offset": "localtime"}),
        ({"hw_cpu_cores": 4}, "cpu/topology", {"sockets": "1", "cores": "4", "threads": "1"}),
        ({"hw_virtio_packed_ring": True}, "devices/disk/driver", {"packed": "on"}),
        ({"hw_pointer_model": "usbtablet"}, "devices/input", {"type": "tablet", "bus": "usb"}),
        ({"hw_sound_model": "ich9"}, "devices/sound", {"model": "ich9"}),
        ({"hw_numa_nodes": 2}, "cpu/numa/cell", {"cpus": "0,1", "memory": str(512 * 1024)}),
        ({"img_config_drive": "mandatory"}, "devices/disk[@device='cdrom']/target", {"bus": "ide"}),
    ],
)
def test_a_property_shapes_the_guest(properties, path, attributes):
    domain, used = defined(**properties)
    found = domain.find(path)
    assert found is not None
    assert {key: found.get(key) for key in attributes} == attributes
    assert set(properties) <= set(used)


def test_a_property_of_no_meaning_to_the_hypervisor_is_not_used():
    assert "os_distro" not in defined(os_distro="debian")[1]


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_disk_bus": "uml"},
        {"hw_vif_model": "netfront"},
        {"hw_video_model": "xen"},
        {"hw_serial_port_count": 4},
        {"hw_video_ram": 64},
        {"os_secure_boot": "required"},
        {"hw_mem_encryption": True},
        {"hw_vm_mode": "xen"},
        {"hw_architecture": "alpha"},
    ],
)
def test_what_the_hypervisor_cannot_do_is_refused(properties):
    with pytest.raises(GuestUnsupported):
        defined(**properties)


def test_names_cannot_break_out_of_the_document():
    domain, _ = defined(a_server(name='</name><evil/>\x00\x0b&"'))
    assert domain.find(".//evil") is None
    assert '</name><evil/>&"' in {element.text for element in domain.iter()}


def test_a_volume_is_a_disk_with_its_id_as_serial():
    server = a_server()
    volume = a_disk(destination_type="volume", volume_id="vol", device_name="/dev/vdb", boot_index=None)
    domain, _ = defined(replace(server, devices=(*server.devices, volume)))
    assert [disk.findtext("serial") for disk in domain.iterfind("devices/disk")] == [None, "vol"]


NIC = FixedIp(uuid=UUID, label="private", address="10.0.0.2", mac="fa:16:3e:00:00:01")


def test_a_server_without_an_address_has_no_interface():
    assert defined()[0].findall("devices/interface") == []


@pytest.mark.parametrize(
    ("properties", "model", "driver"),
    [
        ({}, "virtio", None),
        ({"hw_vif_model": "e1000"}, "e1000", None),
        ({"hw_vif_multiqueue_enabled": True}, "virtio", {"name": "vhost", "queues": "4"}),
        ({"hw_virtio_packed_ring": True}, "virtio", {"name": "vhost", "packed": "on"}),
        ({"hw_vif_model": "rtl8139", "hw_vif_multiqueue_enabled": True}, "rtl8139", None),
    ],
)
def test_an_address_is_an_interface_of_the_model_the_image_wants(properties, model, driver):
    domain, used = defined(replace(a_server(), addresses=(NIC,)), **properties)
    (interface,) = domain.findall("devices/interface")
    found = interface.find("driver")
    assert (interface.find("mac").attrib, interface.find("model").attrib) == ({"address": NIC.mac}, {"type": model})
    assert (None if found is None else found.attrib) == driver
    assert (interface.find("source").attrib, interface.find("target").attrib) == (
        {"bridge": "br-private"},
        {"dev": "tap11111111-22"},
    )
    assert set(properties) <= set(used)


@pytest.mark.parametrize(
    ("properties", "cpus", "siblings", "page"),
    [
        ({}, [], [], None),
        ({"hw_numa_nodes": 2}, [(0, 1), (2, 3)], [(), ()], None),
        ({"hw_mem_page_size": 2048}, [(0, 1, 2, 3)], [()], 2048),
        ({"hw_cpu_policy": "dedicated", "hw_cpu_threads": 2}, [(0, 1, 2, 3)], [((0, 1), (2, 3))], None),
    ],
)
def test_the_cells_are_read_from_the_definition(properties, cpus, siblings, page):
    made = guest.define(a_server(), properties, "/h/disk", "/h/console.log")
    cells, found = guest_topology.cells(made.xml)
    assert ([cell.cpus for cell in cells], [cell.siblings for cell in cells], found) == (cpus, siblings, page)
    assert sum(cell.memory_mb for cell in cells) in (0, 1024)
