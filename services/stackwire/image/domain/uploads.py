"""What an upload has written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stackwire.image.domain.locations import Location

UNLIMITED_BYTES: Final = 2**63 - 1

Chunk = bytes | bytearray
"""Some of an image's bytes, which nobody changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenData:
    """An object that is complete in ``stores``; ``failed`` did not take it, ``remaining`` are still to get it.

    Sizes in bytes, digests in hex. ``elsewhere``: where the data is, instead of an object, when another Glance has
    written it.
    """

    object: str
    stores: Sequence[str]
    size: int
    virtual_size: int | None
    checksum: str
    os_hash_algo: str
    os_hash_value: str
    failed: Sequence[str] = ()
    remaining: Sequence[str] = ()
    elsewhere: Sequence[Location] = ()
