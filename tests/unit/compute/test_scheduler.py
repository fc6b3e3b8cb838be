"""Which hosts a server may go to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stackwire.compute.domain import scheduler_filters
from stackwire.compute.domain.model import Flavor, Host
from stackwire.compute.domain.scheduler_filters import Needs
from stackwire.compute.domain.validation_hardware import check_devices
from stackwire.core.errors import BadRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOST = Host(
    id=1, uuid="u", host="one", hypervisor_hostname="one", hypervisor_type="QEMU", hypervisor_version=8002000,
    host_ip="127.0.0.1", vcpus=4, memory_mb=4096, local_gb=20, cpu_info={"arch": "x86_64"}, traits=["CUSTOM_GOLD"],
    zone="nova", created_at=NOW, updated_at=NOW, disabled=False, disabled_reason=None, forced_down=False, service_id=1,
    service_uuid="s", vcpus_used=0, memory_mb_used=0, local_gb_used=0, running_vms=0,
)  # fmt: skip
FLAVOR = Flavor(id=1, flavorid="f", name="f", memory_mb=1024, vcpus=2, root_gb=10, extra_specs={}, created_at=NOW)


def needs(flavor=FLAVOR, **fields):
    return Needs(flavor=flavor, **fields)


@pytest.mark.parametrize(
    ("properties", "suits"),
    [
        ({}, True),
        ({"hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "i686"}, True),
        ({"hw_architecture": "aarch64"}, False),
        ({"hw_architecture": "aarch64", "hw_emulation_architecture": "aarch64"}, True),
        ({"img_hv_type": "qemu"}, True),
        ({"img_hv_type": "kvm"}, True),
        ({"img_hv_type": "vmware"}, False),
        ({"hw_vm_mode": "hvm"}, True),
        ({"hw_vm_mode": "xen"}, False),
        ({"img_hv_requested_version": ">=8.0,<9"}, True),
        ({"img_hv_requested_version": ">9.1"}, False),
        ({"img_hv_requested_version": "!=8.2"}, False),
    ],
)
def test_an_image_asks_for_a_hypervisor(properties, suits):
    assert scheduler_filters.suits_image(HOST, needs(properties=properties)) is suits


@pytest.mark.parametrize(
    ("host", "wish", "stopped"),
    [
        ({"disabled": True}, {}, "ComputeFilter"),
        ({}, {"zone": "mars"}, "AvailabilityZoneFilter"),
        ({}, {"only": frozenset({"two"})}, "RequestedHosts"),
        ({"memory_mb_used": 6000}, {}, "Capacity"),
        ({"vcpus": 1}, {}, "Capacity"),
        ({"local_gb_used": 15}, {"local_gb": 10}, "Capacity"),
        ({}, {"properties": {"traits_required": ["CUSTOM_IRON"]}}, "Traits"),
    ],
)
def test_the_filter_that_leaves_no_host_is_named(host, wish, stopped):
    assert scheduler_filters.ranked([replace(HOST, **host)], needs(**wish)) == ([], stopped)


def test_a_rebuild_needs_no_new_room():
    full = replace(HOST, memory_mb_used=6000)
    assert scheduler_filters.ranked([full], needs(only=frozenset({"one"})))[0] == [full]


def test_a_flavor_may_forbid_a_trait():
    flavor = replace(FLAVOR, extra_specs={"trait:CUSTOM_GOLD": "forbidden"})
    assert scheduler_filters.ranked([HOST], needs(flavor))[0] == []


PASSES = {  # an extra spec of the flavor, and whether a host passes
    ("capabilities:hypervisor_type", "QEMU"): True,
    ("capabilities:hypervisor_type", "<or> KVM <or> QEMU"): True,
    ("capabilities:hypervisor_type", "fake"): False,
    ("capabilities:hypervisor_version", ">= 8000000"): True,
    ("capabilities:vcpus_total", ">= 5"): False,
    ("capabilities:free_ram_mb", "4096"): True,
    ("capabilities:cpu_info:arch", "x86_64"): True,
    ("capabilities:cpu_info:arch", "aarch64"): False,
    ("capabilities:nonsense", "x"): False,
    ("hypervisor_type", "fake"): False,
    ("nonsense", "x"): True,
    ("other:hypervisor_type", "fake"): True,
    ("resources:VCPU", "4"): True,
    ("resources:VCPU", "5"): False,
    ("resources:VCPU", "0"): True,
    ("resources1:VCPU", "3"): False,
    ("resources:MEMORY_MB", "9999"): False,
    ("resources:DISK_GB", "21"): False,
    ("resources:CUSTOM_GPU", "1"): False,
    ("resources:CUSTOM_GPU", "0"): True,
    ("hw:ephemeral_encryption", "true"): False,
    ("hw:ephemeral_encryption", "false"): True,
}


@pytest.mark.parametrize(("spec", "passes"), PASSES.items())
def test_a_flavors_extra_specs_are_asked_of_the_host(spec, passes):
    flavor = replace(FLAVOR, extra_specs=dict([spec]))
    assert bool(scheduler_filters.ranked([HOST], needs(flavor))[0]) is passes


def test_an_encrypted_disk_needs_a_host_that_says_it_can():
    able = replace(HOST, traits=["COMPUTE_EPHEMERAL_ENCRYPTION", "COMPUTE_EPHEMERAL_ENCRYPTION_LUKS"])
    image = {"hw_ephemeral_encryption": True}
    assert not scheduler_filters.has_traits(HOST, needs(properties=image))
    assert scheduler_filters.has_traits(able, needs(properties=image))
    assert scheduler_filters.has_traits(able, needs(properties=image | {"hw_ephemeral_encryption_format": "luks"}))
    assert not scheduler_filters.has_traits(able, needs(properties=image | {"hw_ephemeral_encryption_format": "plain"}))


def test_what_the_flavor_says_of_resources_is_claimed():
    flavor = replace(FLAVOR, extra_specs={"resources:VCPU": "0", "resources:DISK_GB": "3", "resources2:MEMORY_MB": "1"})
    claimed = scheduler_filters.resources(needs(flavor, local_gb=10))
    assert claimed == {"VCPU": 0, "MEMORY_MB": 1025, "DISK_GB": 3}


@pytest.mark.parametrize("spec", [("pci_passthrough:alias", "gpu:1"), ("accel:device_profile", "fpga")])
def test_a_flavor_with_devices_that_no_host_has_is_refused(spec):
    with pytest.raises(BadRequest):
        check_devices(replace(FLAVOR, extra_specs=dict([spec])))


def test_the_freest_host_comes_first():
    busy, free = replace(HOST, memory_mb_used=2048), replace(HOST, id=2, host="two")
    assert [host.host for host in scheduler_filters.ranked([busy, free], needs())[0]] == ["two", "one"]
