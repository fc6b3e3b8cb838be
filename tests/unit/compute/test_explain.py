"""What a property does, as ``stackwire explain`` says."""

from dataclasses import replace

import pytest

from stackwire.compute.flows.explain import FLAVOR, explain, in_words

ISOLATION = "AggregateImagePropertiesIsolation"
EXPLAINED = {  # a line of the guest's XML, the filters that read it, a word of the refusal
    "hw_disk_bus=scsi": ('+       <target dev="sda" bus="scsi" />', {ISOLATION}, None),
    "hw_vif_model=virtio": ("as without it: hw_vif_model=virtio", {ISOLATION}, None),
    "architecture=aarch64": ('machine="virt"', {ISOLATION, "ImagePropertiesFilter"}, None),
    "img_hv_requested_version=>=6.0": (None, {ISOLATION, "ImagePropertiesFilter"}, None),
    "os_distro=ubuntu": (None, {ISOLATION}, None),
    "trait:CUSTOM_A=required": (None, {"Traits"}, None),
    "hw_disk_bus=floppy": (None, set(), "must be one of"),
    "hw_vm_mode=xen": (None, {ISOLATION, "ImagePropertiesFilter"}, "only hvm guests"),
    "hw:cpu_policy=dedicated": ("<cputune>", {"NUMATopologyFilter"}, None),
    "hw_numa_nodes=2": ("<numa>", {ISOLATION, "NUMATopologyFilter"}, None),
    "resources:CUSTOM_GPU=1": (None, {"Capacity"}, None),
    "capabilities:hypervisor_type=QEMU": (None, {"ComputeCapabilitiesFilter"}, None),
    "aggregate_instance_extra_specs:ssd=true": (None, {"AggregateInstanceExtraSpecsFilter"}, None),
    "pci_passthrough:alias=a:1": (None, set(), "PCI alias"),
    "team=a": (None, set(), None),
    "quota:cpu_shares=1": (None, set(), None),
}


@pytest.mark.parametrize(("text", "expected"), EXPLAINED.items())
def test_what_a_property_changes_who_reads_it_and_who_refuses_it(text, expected):
    line, filters, refusal = expected
    found = explain(*text.split("=", 1))
    assert (line is None) == (not found.guest)
    assert line is None or any(line in each for each in found.guest)
    assert found.filters.keys() == filters
    assert (refusal is None) == (not found.refusals)
    assert refusal is None or refusal in found.refusals[0]
    assert found.is_read == bool(line or filters or refusal)


def test_what_nothing_reads_is_said_to_travel_alone():
    assert in_words(explain("team", "a")).endswith("nothing reads it: it travels, and that is all")


def test_the_flavor_decides_too():
    pinned = replace(FLAVOR, extra_specs={"hw:cpu_policy": "shared"})
    assert "CPU policy" in in_words(explain("hw_cpu_policy", "dedicated", pinned))
    assert not explain("hw_cpu_policy", "dedicated").refusals


def test_other_readers_are_named_too():
    assert "rescue" in in_words(explain("base_image_ref", "x"))
