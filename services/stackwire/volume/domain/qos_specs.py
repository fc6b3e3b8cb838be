"""What volumes may do per second, and who holds them to it: the host (front-end) or the back end."""

from collections.abc import Mapping
from typing import Any

from stackwire.volume.domain.errors import InvalidQoSSpecs
from stackwire.volume.domain.names import names

BACK_END = "back-end"
CONSUMERS = (BACK_END, "front-end", "both")
Specs = Mapping[str, str | None]
_TUNABLE = names("read_iops_sec read_bytes_sec write_iops_sec write_bytes_sec total_iops_sec total_bytes_sec")


def consumer_of(given: str | None) -> str:
    """The back end unless it is said; InvalidQoSSpecs for one that is none."""
    if given is None:
        return BACK_END
    if given not in CONSUMERS:
        raise InvalidQoSSpecs(reason=f"Valid consumer of QoS specs are: {', '.join(CONSUMERS)}")
    return given


def merged(specs: Specs, changes: Specs) -> dict[str, str | None]:
    """The specs with these changes. None for a key that there is not is no change."""
    return {**specs, **{key: value for key, value in changes.items() if value is not None or key in specs}}


def for_host(consumer: str, specs: Specs, size: int) -> dict[str, Any] | None:
    """What a host must hold a volume of ``size`` GiB to; None where the back end does. Limits per GiB become limits.

    InvalidQoSSpecs for a limit per GiB that is no number. ``cinder/volume/manager.py: _parse_connection_options``.
    """
    if consumer == BACK_END:
        return None
    found: dict[str, Any] = dict(specs)
    for name in _TUNABLE:
        if f"{name}_per_gb" in found:
            limit = max(_number(found.pop(f"{name}_per_gb_min", "0")), _number(found.pop(f"{name}_per_gb")) * size)
            most = found.pop(f"{name}_max", None)
            found[name] = limit if most is None else min(limit, _number(most))
    return found


def _number(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 20:
        raise InvalidQoSSpecs(reason=f"{text!r} is not a number")
    return int(text)
