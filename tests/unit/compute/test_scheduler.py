"""Which hosts a server may go to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stackwire.compute.domain import scheduler_filters, scheduler_reasons
from stackwire.compute.domain.model import Flavor, Host
from stackwire.compute.domain.scheduler_model import GroupNeeds, Limits, Needs, resources
from stackwire.compute.domain.scheduler_weights import Multipliers
from stackwire.compute.domain.validation_hardware import check_devices
from stackwire.contracts.scheduling import MOST_NAMED
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


def passing(host, wanted, *enabled):
    return scheduler_filters.decide([host], wanted, enabled or scheduler_filters.DEFAULT_FILTERS).hosts == [host]


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
    assert (scheduler_filters.cannot_run_image(HOST, needs(properties=properties)) is None) is suits


@pytest.mark.parametrize(
    ("host", "wish", "stopped"),
    [
        ({"disabled": True}, {}, "ComputeFilter"),
        ({}, {"zone": "mars"}, "AvailabilityZone"),
        ({}, {"only": frozenset({"two"})}, "RequestedHosts"),
        ({"memory_mb_used": 6000}, {}, "Capacity"),
        ({"vcpus": 1}, {}, "Capacity"),
        ({"local_gb_used": 15}, {"local_gb": 10}, "Capacity"),
        ({}, {"properties": {"traits_required": ["CUSTOM_IRON"]}}, "Traits"),
    ],
)
def test_the_filter_that_leaves_no_host_is_named(host, wish, stopped):
    decision = scheduler_filters.decide([replace(HOST, **host)], needs(**wish))
    assert (decision.hosts, decision.steps[-1].filter) == ([], stopped)


def test_a_rebuild_needs_no_new_room():
    full = replace(HOST, memory_mb_used=6000)
    assert passing(full, needs(only=frozenset({"one"}), rebuild=True))


def test_a_flavor_may_forbid_a_trait():
    flavor = replace(FLAVOR, extra_specs={"trait:CUSTOM_GOLD": "forbidden"})
    assert not passing(HOST, needs(flavor))


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
    assert passing(HOST, needs(flavor)) is passes


def test_an_encrypted_disk_needs_a_host_that_says_it_can():
    able = replace(HOST, traits=["COMPUTE_EPHEMERAL_ENCRYPTION", "COMPUTE_EPHEMERAL_ENCRYPTION_LUKS"])
    image = {"hw_ephemeral_encryption": True}
    assert not passing(HOST, needs(properties=image))
    assert passing(able, needs(properties=image))
    assert passing(able, needs(properties=image | {"hw_ephemeral_encryption_format": "luks"}))
    assert not passing(able, needs(properties=image | {"hw_ephemeral_encryption_format": "plain"}))


def test_what_the_flavor_says_of_resources_is_claimed():
    flavor = replace(FLAVOR, extra_specs={"resources:VCPU": "0", "resources:DISK_GB": "3", "resources2:MEMORY_MB": "1"})
    claimed = resources(needs(flavor, local_gb=10))
    assert claimed == {"VCPU": 0, "MEMORY_MB": 1025, "DISK_GB": 3}


@pytest.mark.parametrize("spec", [("pci_passthrough:alias", "gpu:1"), ("accel:device_profile", "fpga")])
def test_a_flavor_with_devices_that_no_host_has_is_refused(spec):
    with pytest.raises(BadRequest):
        check_devices(replace(FLAVOR, extra_specs=dict([spec])))


def test_the_freest_host_comes_first():
    busy, free = replace(HOST, memory_mb_used=2048), replace(HOST, id=2, host="two")
    assert [host.host for host in scheduler_filters.decide([busy, free], needs()).hosts] == ["two", "one"]


def host_with(**fields):
    return replace(HOST, host_ip="10.0.1.7", numa=[{"vcpus": 2, "memory_mb": 2048, "threads": 1}] * 2, **fields)


AGGREGATES = [
    {"os_distro": "ubuntu, debian", "team": "a", "filter_tenant_id": "p1", "instance_type": "f, g"},
    {"max_instances_per_host": "2", "max_io_ops_per_host": "1"},
    {"max_instances_per_host": "5"},
]
REASONS = [  # filter, what the server needs, and the property that decides (None: the host passes)
    ("AggregateImagePropertiesIsolation", "properties", ("os_distro", "debian"), None),
    ("AggregateImagePropertiesIsolation", "properties", ("os_distro", "fedora"), "os_distro=fedora"),
    ("AggregateImagePropertiesIsolation", "properties", ("hw_disk_bus", "scsi"), None),
    ("AggregateInstanceExtraSpecsFilter", "specs", ("team", "a"), None),
    ("AggregateInstanceExtraSpecsFilter", "specs", ("team", "b"), "team=b"),
    ("AggregateInstanceExtraSpecsFilter", "specs", ("aggregate_instance_extra_specs:team", "<or> x <or> a"), None),
    ("AggregateInstanceExtraSpecsFilter", "specs", ("other:team", "b"), None),
    ("AggregateMultiTenancyIsolation", "project_id", "p1", None),
    ("AggregateMultiTenancyIsolation", "project_id", "p2", "filter_tenant_id"),
    ("SameHostFilter", "hints", ("same_host", "here"), None),
    ("SameHostFilter", "hints", ("same_host", "there"), "same_host=there"),
    ("DifferentHostFilter", "hints", ("different_host", "here"), "different_host=here"),
    ("DifferentHostFilter", "hints", ("different_host", "there"), None),
    ("SimpleCIDRAffinityFilter", "hints", ("build_near_host_ip", "10.0.1.99"), None),
    ("SimpleCIDRAffinityFilter", "hints", ("build_near_host_ip", "10.0.2.1"), "build_near_host_ip=10.0.2.1"),
    ("NUMATopologyFilter", "specs", ("hw:numa_nodes", "2"), None),
    ("NUMATopologyFilter", "specs", ("hw:numa_nodes", "3"), "hw:numa_nodes=3"),
    ("NUMATopologyFilter", "properties", ("hw_cpu_policy", "dedicated"), None),
    ("NUMATopologyFilter", "specs", ("hw:cpu_policy", "shared"), None),
    ("ImagePropertiesFilter", "properties", ("hw_maxphysaddr_bits", 52), None),
    ("AggregateTypeAffinityFilter", "flavor", "f", None),
    ("AggregateTypeAffinityFilter", "flavor", "h", "instance_type=f, g"),
    ("NumInstancesFilter", "host", {"running_vms": 49}, None),
    ("NumInstancesFilter", "host", {"running_vms": 50}, "max_instances_per_host=50, it has 50"),
    ("AggregateNumInstancesFilter", "host", {"running_vms": 3}, "max_instances_per_host=2, it has 3"),
    ("AggregateNumInstancesFilter", "host", {"running_vms": 49, "aggregates": []}, None),
    ("AggregateNumInstancesFilter", "host", {"running_vms": 3, "aggregates": [{"max_instances_per_host": "x"}]}, None),
    ("IoOpsFilter", "host", {"io_workload": 7}, None),
    ("IoOpsFilter", "host", {"io_workload": 8}, "max_io_ops_per_host=8, 8 are under way"),
    ("AggregateIoOpsFilter", "host", {"io_workload": 1}, "max_io_ops_per_host=1"),
    ("AggregateIoOpsFilter", "host", {"io_workload": 1, "aggregates": [{"max_io_ops_per_host": "9"}]}, None),
    ("IsolatedHostsFilter", "limits", (["i"], ["one"], True), None),
    ("IsolatedHostsFilter", "limits", (["i"], ["two"], True), "isolated_images has i, isolated_hosts not this host"),
    ("IsolatedHostsFilter", "limits", (["j"], ["one"], True), "isolated_hosts has it, isolated_images not i"),
    ("IsolatedHostsFilter", "limits", (["j"], ["one"], False), None),
    ("IsolatedHostsFilter", "limits", (["j"], ["two"], True), None),
    ("JsonFilter", "query", '["=", "$hypervisor_type", "QEMU"]', None),
    ("JsonFilter", "query", '["and", [">=", "$free_ram_mb", 4096], ["<", "$num_instances", 1]]', None),
    ("JsonFilter", "query", '["or", ["=", "$host", "two"], ["in", "$host", "one", "two"]]', None),
    ("JsonFilter", "query", '["not", ["=", "$cpu_info.arch", "x86_64"]]', "query="),
    ("JsonFilter", "query", '["<=", "$vcpus_used", "$nonsense"]', "query="),
    ("JsonFilter", "query", "[]", None),
    ("JsonFilter", "query", '["like", "$host", "o%"]', 'query=["like", "$host", "o%"], which cannot be read'),
    ("JsonFilter", "query", '[">", "$host", 5]', "query="),
    ("JsonFilter", "query", '{"=": 1}', "query="),
    ("JsonFilter", "query", "[" * 100000, "query="),
]


@pytest.mark.parametrize(("name", "field", "value", "decides"), REASONS)
def test_each_filter_names_the_property_that_decides(name, field, value, decides):
    fields = {"near": {"here": "one", "there": "two"}, "image_id": "i"}
    flavor, has = FLAVOR, {"aggregates": AGGREGATES}
    if field == "flavor":
        flavor = replace(FLAVOR, name=value)
    elif field == "host":
        has |= value
    elif field == "limits":
        images, named, restrict = value
        fields["limits"] = Limits(
            isolated_images=frozenset(images), isolated_hosts=frozenset(named),
            restrict_isolated_hosts_to_isolated_images=restrict,
        )  # fmt: skip
    elif field == "query":
        fields["hints"] = {"query": [value]}
    elif field == "specs":
        flavor = replace(FLAVOR, extra_specs=dict([value]))
    elif field == "hints":
        fields["hints"] = {value[0]: [value[1]]}
    else:
        fields[field] = dict([value]) if isinstance(value, tuple) else value
    reason = scheduler_filters.FILTERS[name](host_with(**has), needs(flavor, **fields))
    assert reason is None if decides is None else reason is not None and reason.startswith(decides)


def test_a_host_without_numa_cells_or_threads_fits_no_pinned_guest():
    pinned = needs(replace(FLAVOR, extra_specs={"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"}))
    for host in (HOST, host_with()):
        assert not passing(host, pinned, "NUMATopologyFilter")


@pytest.mark.parametrize(
    ("policy", "members", "most", "passes"),
    [
        ("affinity", {}, 1, True),
        ("affinity", {"two": 1}, 1, False),
        ("affinity", {"one": 3}, 1, True),
        ("anti-affinity", {"one": 1}, 1, False),
        ("anti-affinity", {"one": 1}, 2, True),
        ("soft-affinity", {"two": 1}, 1, True),
    ],
)
def test_a_group_keeps_its_servers_together_or_apart(policy, members, most, passes):
    group = GroupNeeds(uuid="g", policy=policy, max_per_host=most, members=members)
    assert passing(HOST, needs(group=group)) is passes


@pytest.mark.parametrize(("policy", "first"), [("soft-affinity", "two"), ("soft-anti-affinity", "one")])
def test_a_soft_policy_weighs_beside_the_resources(policy, first):
    one, two = HOST, replace(HOST, id=2, host="two", memory_mb_used=3000, vcpus_used=4)
    group = GroupNeeds(uuid="g", policy=policy, members={"two": 1})
    strong = Multipliers(soft_affinity=10, soft_anti_affinity=10)
    decision = scheduler_filters.decide([one, two], needs(group=group), multipliers=strong)
    assert decision.hosts[0].host == first
    assert scheduler_filters.decide([one, two], needs(group=group)).hosts[0].host == "one"


@pytest.mark.parametrize(
    ("enabled", "image", "specs", "passes"),
    [
        (True, ["CUSTOM_SSD"], {}, True),
        (True, [], {"trait:CUSTOM_SSD": "required"}, True),
        (True, [], {"trait:CUSTOM_GOLD": "required"}, False),
        (True, [], {}, False),
        (False, [], {}, True),
    ],
)
def test_an_aggregate_that_requires_a_trait_is_for_those_who_ask_for_it(enabled, image, specs, passes):
    host = replace(HOST, traits=["CUSTOM_SSD", "CUSTOM_GOLD"], aggregates=[{"trait:CUSTOM_SSD": "required", "a": "b"}])
    limits = Limits(enable_isolated_aggregate_filtering=enabled)
    wanted = needs(replace(FLAVOR, extra_specs=specs), properties={"traits_required": image}, limits=limits)
    assert passing(host, wanted) is passes


SECOND = replace(HOST, id=2, host="two")
FIRST = {  # the weigher that decides: what the first host has more of, the multipliers, and which host comes first
    "HypervisorVersionWeigher": ({"hypervisor_version": 8002001}, {}, "one"),
    "NumInstancesWeigher": ({"running_vms": 3}, {"num_instances": -1.0}, "two"),
    "IoOpsWeigher": ({"io_workload": 1}, {}, "two"),
    "BuildFailureWeigher": ({"failed_builds": 1, "hypervisor_version": 9000000}, {}, "two"),
    "RAMWeigher": ({"memory_mb": 8192}, {"ram": -1.0}, "two"),
    "CPUWeigher": ({"vcpus": 8}, {}, "one"),
}


@pytest.mark.parametrize(("weigher", "case"), FIRST.items())
def test_each_weigher_decides_between_hosts_that_are_alike_otherwise(weigher, case):
    more, multipliers, first = case
    one = replace(HOST, **more)
    decision = scheduler_filters.decide([one, SECOND], needs(), multipliers=Multipliers(**multipliers))
    assert decision.hosts[0].host == first
    assert decision.weights["one"][weigher] != decision.weights["two"][weigher]


def test_an_aggregate_sets_a_multiplier_for_its_hosts():
    busy = replace(HOST, memory_mb_used=2048)
    for metadata, first in [
        ([], "two"),
        ([{"ram_weight_multiplier": "9"}], "one"),
        ([{"ram_weight_multiplier": "9"}, {"ram_weight_multiplier": "0.5"}], "two"),
        ([{"ram_weight_multiplier": "many"}], "two"),
        ([{"ram_weight_multiplier": "nan"}], "two"),
    ]:
        one = replace(busy, aggregates=metadata)
        assert scheduler_filters.decide([one, SECOND], needs()).hosts[0].host == first, metadata


@pytest.mark.parametrize(("weights", "first"), [({}, "two"), ({"hw_disk_bus": 5.0}, "one"), ({"os_distro": -1}, "one")])
def test_images_that_are_alike_come_together(weights, first):
    image = {"hw_disk_bus": "scsi", "os_distro": "ubuntu", "hw_vif_model": "virtio"}
    there = {"one": [{"hw_disk_bus": "scsi"}], "two": [{"os_distro": "ubuntu"}, {"hw_vif_model": "virtio"}]}
    wanted = needs(properties=image, images_on=there, limits=Limits(image_props_weights=weights))
    strong = Multipliers(image_props=10)
    assert scheduler_filters.decide([HOST, SECOND], wanted, multipliers=strong).hosts[0].host == first
    assert scheduler_filters.decide([HOST, SECOND], wanted).hosts[0].host == "one"


def test_a_forced_host_is_asked_for_room_and_nothing_else():
    disabled = replace(HOST, disabled=True)
    assert passing(disabled, needs(destination="one", forced=True))
    assert not passing(replace(disabled, vcpus=1), needs(destination="one", forced=True))


def test_a_disabled_host_rebuilds_its_servers():
    assert passing(replace(HOST, disabled=True), needs(only=frozenset({"one"}), rebuild=True))


def test_of_many_hosts_a_selection_names_some_and_counts_all():
    many = [replace(HOST, id=number, host=f"host-{number}", disabled=number % 2 == 0) for number in range(1, 201)]
    decision = scheduler_filters.decide(many, needs())
    selection = scheduler_reasons.selection_of("server", decision, {}, ())
    last = selection.steps[-1]
    assert (selection.considered, len(selection.hosts), last.remaining_count) == (200, MOST_NAMED, 100)
    assert set(selection.weights) == {host.host for host in decision.hosts[:MOST_NAMED]}
    disabled = next(step for step in selection.steps if step.removed)
    assert (disabled.removed_count, len(disabled.removed), disabled.remaining_count) == (100, MOST_NAMED, 100)
    assert "ComputeFilter removed 50 more" in scheduler_reasons.in_words(selection)
