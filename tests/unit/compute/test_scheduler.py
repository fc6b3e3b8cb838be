"""Which hosts a server may go to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stackwire.compute.domain import scheduler_filters
from stackwire.compute.domain.model import Flavor, Host
from stackwire.compute.domain.scheduler_filters import Needs

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


def test_the_freest_host_comes_first():
    busy, free = replace(HOST, memory_mb_used=2048), replace(HOST, id=2, host="two")
    assert [host.host for host in scheduler_filters.ranked([busy, free], needs())[0]] == ["two", "one"]
