"""What the one back end offers, and whether that is what a volume type asks for (cinder/scheduler/filters)."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from stackwire.contracts.volume import InvalidInput
from stackwire.contracts.volume_workers import BACKEND
from stackwire.volume.domain.errors import InvalidTypeAvailabilityZones
from stackwire.volume.domain.listing import TRUE
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
_OPERATORS: Mapping[str, Callable[[Any, str], bool]] = {
    "=": lambda offered, wanted: float(offered) >= float(wanted),
    "==": lambda offered, wanted: float(offered) == float(wanted),
    "!=": lambda offered, wanted: float(offered) != float(wanted),
    ">=": lambda offered, wanted: float(offered) >= float(wanted),
    "<=": lambda offered, wanted: float(offered) <= float(wanted),
    "<in>": lambda offered, wanted: wanted in offered,
    "<is>": lambda offered, wanted: _true(offered) is _true(wanted),
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def satisfies(capabilities: Mapping[str, Any], extra_specs: Mapping[str, str]) -> bool:
    """Whether these are what the extra specs ask for; those of another scope than ``capabilities`` ask for nothing.

    ``cinder/scheduler/filters/capabilities_filter.py: CapabilitiesFilter``.
    """
    return all(_satisfied(capabilities, key.split(":"), wanted) for key, wanted in extra_specs.items())


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


def _satisfied(offered: Any, scope: list[str], wanted: str) -> bool:
    if len(scope) > 1 and scope[0] != "capabilities":
        return True
    for name in scope[1:] if scope[0] == "capabilities" else scope:
        if not isinstance(offered, Mapping) or name not in offered:
            return False
        offered = offered[name]
    return any(_matches(value, wanted) for value in (offered if isinstance(offered, list) else [offered]))


def _matches(offered: Any, wanted: str) -> bool:
    """``cinder/scheduler/filters/extra_specs_ops.py: match``."""
    sign, *words = wanted.split() or [""]
    if sign == "<or>":
        return offered is not None and offered in words[::2]
    if sign not in _OPERATORS:
        return bool(offered == wanted)
    try:
        return offered is not None and bool(words) and _OPERATORS[sign](offered, words[0])
    except (TypeError, ValueError):  # a word where a number belongs
        return False


def _true(value: Any) -> bool:
    return str(value).strip().lower() in TRUE


def _integer(text: str | None) -> int | None:
    """A bound that is no number bounds nothing."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
