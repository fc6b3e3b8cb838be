"""Quotas: limits of one image and of a project. Source of names and defaults: ``glance/common/config.py``."""

import re
from dataclasses import dataclass, field
from typing import Final

from stackwire.image.domain.attributes import RESERVED_PREFIX
from stackwire.image.domain.errors import ImageTooBig, LimitExceeded, StorageFull
from stackwire.image.domain.image import Properties
from stackwire.image.domain.uploads import UNLIMITED_BYTES
from stackwire.image.domain.usage import Unified

_UNITS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_STORAGE = re.compile(r"(\d+)\s*([KMGT]?B)?")


def storage_bytes(text: str) -> int:
    """``500MB`` in bytes; ValueError for anything else."""
    match = _STORAGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"user_storage_quota {text!r} is not a number with an optional unit of B, KB, MB, GB, TB")
    return int(match[1]) * _UNITS[match[2] or ""]


@dataclass(frozen=True, slots=True)
class Limits:
    """Negative is no limit; so is 0 for ``storage`` (bytes a project)."""

    properties: int = 128
    tags: int = 128
    members: int = 128
    locations: int = 10
    size: int = 1024**4
    storage: int = 0
    unified: Unified = field(default_factory=Unified)
    count_own_properties: bool = False


def check_properties(limits: Limits, properties: Properties) -> None:
    """Raises LimitExceeded; the service's own properties do not count, but for releases with lp-1912001."""
    counted = [name for name in properties if limits.count_own_properties or not name.startswith(RESERVED_PREFIX)]
    check_count("properties", len(counted), limits.properties)


def check_count(what: str, number: int, maximum: int) -> None:
    """Raises LimitExceeded for a number above the maximum; a negative maximum is no limit."""
    if 0 <= maximum < number:
        raise LimitExceeded(what=what, attempted=number, maximum=maximum)


def allowance(limits: Limits, used: int, announced: int | None) -> int:
    """The most bytes that an upload may have; refuses at once an announced size that is more.

    ``used``: bytes that the project stores and is storing. Source: ``glance/api/common.py: check_quota``.
    """
    if announced is not None and 0 <= limits.size < announced:
        raise ImageTooBig(maximum=limits.size)
    cap = limits.size if limits.size >= 0 else UNLIMITED_BYTES
    if limits.storage <= 0:
        return cap
    remaining = limits.storage - used
    if remaining <= 0 or (announced is not None and announced > remaining):
        raise StorageFull(f"The size of the data would exceed the storage quota of {limits.storage} bytes.")
    return min(cap, remaining)
