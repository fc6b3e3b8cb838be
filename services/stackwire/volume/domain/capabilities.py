"""What a volume type asks for beside its back end: a size, a zone."""

from collections.abc import Collection

from stackwire.contracts.volume import InvalidInput
from stackwire.volume.domain.errors import InvalidTypeAvailabilityZones
from stackwire.volume.domain.model import VolumeType


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


def allowed_zones(volume_type: VolumeType, zone: str | None, existing: Collection[str], default: str) -> list[str]:
    """The zones that a new volume may be in, of those that there are. ``zone``: the requested one, or the source's.

    InvalidTypeAvailabilityZones, InvalidInput.
    ``cinder/volume/flows/api/create_volume.py: _extract_availability_zones``.
    """
    zones = zones_of(volume_type)
    safe = [each for each in existing if zones is None or each in zones]
    if zones is not None and not safe:
        raise InvalidTypeAvailabilityZones(az=zones)
    if zone is None and zones is None:
        zone = default
    if zone is not None and zone not in safe:
        raise InvalidInput(reason=f"Availability zone '{zone}' is invalid.")
    return safe if zone is None else [zone]


def zones_of(volume_type: VolumeType) -> list[str] | None:
    """The zones that a type is for; None: any."""
    named = volume_type.extra_specs.get("RESKEY:availability_zones")
    return None if named is None else [part.strip() for part in named.split(",") if part]


def _integer(text: str | None) -> int | None:
    """A bound that is no number bounds nothing."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
