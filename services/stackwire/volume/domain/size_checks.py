"""Whether a source fits into a volume (cinder/volume/flows/api/create_volume.py, cinder/volume/volume_utils.py)."""

from typing import Protocol

from stackwire.contracts.volume import InvalidInput
from stackwire.volume.domain.errors import ImageUnacceptable

GIBIBYTE = 1024**3
MAX_SIZE_GB = 2**31 - 1
"""The column is an integer."""


class SizedImage(Protocol):
    """``size`` and ``virtual_size`` in bytes, ``min_disk`` in GiB."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def virtual_size(self) -> int | None: ...
    @property
    def min_disk(self) -> int: ...


def gibibytes(size: int) -> int:
    """Bytes as GiB, rounded up."""
    return -(-size // GIBIBYTE)


def check_image(image: SizedImage, size: int, *, active: bool = True) -> None:
    """InvalidInput or ImageUnacceptable unless the image is active and fits into ``size`` GiB.

    ``active``: False until lp-1302621 was mended, when others were found out too late.
    """
    if active and image.status != "active":
        raise InvalidInput(reason=f"Image {image.id} is not active.")
    if gibibytes(image.size or 0) > size:
        raise InvalidInput(
            reason=f"Size of specified image {gibibytes(image.size or 0)}GB is larger than volume size {size}GB."
        )
    if image.min_disk > size:
        raise InvalidInput(
            reason=f"Volume size {size}GB cannot be smaller than the image minDisk size {image.min_disk}GB."
        )
    if image.virtual_size and gibibytes(image.virtual_size) > size:
        raise ImageUnacceptable(
            image_id=image.id,
            reason=f"Image virtual size is {gibibytes(image.virtual_size)}GB and doesn't fit in a volume of size"
            f" {size}GB.",
        )


def size_of_clone(requested: int | None, source: int) -> int:
    """GiB of a volume cloned from another; InvalidInput when it would not fit."""
    if requested is not None and requested < source:
        raise InvalidInput(
            reason=f"Clones currently must be >= original volume size. {requested}GB is less than {source}GB."
        )
    return source if requested is None else requested


def size_from_backup(requested: int | None, source: int) -> int:
    """GiB of a volume created from a backup; InvalidInput when it would not fit."""
    if requested is not None and requested < source:
        raise InvalidInput(
            reason=f"Volume size {requested}GB cannot be smaller than the backup size {source}GB."
            " It must be >= backup size."
        )
    return source if requested is None else requested


def size_from_snapshot(requested: int | None, source: int) -> int:
    """GiB of a volume created from a snapshot; InvalidInput when it would not fit."""
    if requested is not None and requested < source:
        raise InvalidInput(
            reason=f"Volume size {requested}GB cannot be smaller than the snapshot size {source}GB."
            " They must be >= original snapshot size."
        )
    return source if requested is None else requested
