"""What the one back end offers, and whether that is what a volume type asks for (cinder/scheduler/filters)."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts.volume import InvalidInput
from stackwire.contracts.volume_workers import BACKEND
from stackwire.volume.domain.errors import InvalidTypeAvailabilityZones
from stackwire.volume.domain.model import VolumeType

BACKEND_NAME = BACKEND.partition("@")[2]
CAPABILITIES: Mapping[str, Any] = {
    "volume_backend_name": BACKEND_NAME,
    "vendor_name": "Stackwire",
    "driver_version": "1.0.0",
    "storage_protocol": "local",
    "total_capacity_gb": "infinite",
    "free_capacity_gb": "infinite",
    "reserved_percentage": 0,
    "max_over_subscription_ratio": "20.0",
    "thin_provisioning_support": True,
    "thick_provisioning_support": False,
    "QoS_support": False,
    "multiattach": True,
    "online_extend_support": True,
    "filter_function": None,
    "goodness_function": None,
}


def check_size(volume_type: VolumeType, size: int) -> None:
    """InvalidInput for a size in GiB that the type's ``provisioning:min_vol_size`` or ``max_vol_size`` excludes.

    ``cinder/volume/volume_types.py: provision_filter_on_size``.
    """
    specs = volume_type.extra_specs
    least, most = (_integer(specs.get(f"provisioning:{bound}_vol_size")) for bound in ("min", "max"))
    for wrong, text in (
        (least is not None and size < least, f"less than the minimum required size of '{least}'"),
        (most is not None and size > most, f"greater than the maximum allowable size of '{most}'"),
    ):
        if wrong:
            raise InvalidInput(
                reason=f"Specified volume size of '{size}' is {text} for volume type '{volume_type.name}'."
            )


def check_zone(volume_type: VolumeType, zone: str) -> None:
    """InvalidTypeAvailabilityZones unless the type may be used in the zone.

    ``cinder/volume/flows/api/create_volume.py: _extract_availability_zones``.
    """
    named = volume_type.extra_specs.get("RESKEY:availability_zones")
    zones = None if named is None else [part.strip() for part in named.split(",") if part]
    if zones is not None and zone not in zones:
        raise InvalidTypeAvailabilityZones(az=zones)


def _integer(text: str | None) -> int | None:
    """A bound that is no number bounds nothing."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
