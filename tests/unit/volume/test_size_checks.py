"""Whether an image fits."""

from dataclasses import dataclass

import pytest

from stackwire.core.errors import BadRequest
from stackwire.volume.domain import size_checks

GIB = 1024**3


@dataclass(frozen=True)
class AnImage:
    id: str = "i"
    status: str = "active"
    size: int | None = GIB
    virtual_size: int | None = None
    min_disk: int = 0


@pytest.mark.parametrize(("size", "rounded"), [(0, 0), (1, 1), (GIB, 1), (GIB + 1, 2)])
def test_bytes_round_up_to_gibibytes(size: int, rounded: int) -> None:
    assert size_checks.gibibytes(size) == rounded


@pytest.mark.parametrize(
    ("image", "volume", "fits"),
    [
        (AnImage(), 1, True),
        (AnImage(size=None), 1, True),
        (AnImage(size=GIB + 1), 1, False),
        (AnImage(min_disk=2), 1, False),
        (AnImage(min_disk=2), 2, True),
        (AnImage(virtual_size=2 * GIB), 1, False),
        (AnImage(virtual_size=2 * GIB), 2, True),
        (AnImage(status="queued"), 9, False),
    ],
)
def test_an_image_must_be_active_and_fit(image: AnImage, volume: int, fits: bool) -> None:
    if fits:
        size_checks.check_image(image, volume)
    else:
        with pytest.raises(BadRequest):
            size_checks.check_image(image, volume)


@pytest.mark.parametrize(("requested", "source", "size"), [(None, 3, 3), (3, 3, 3), (4, 3, 4)])
def test_a_copy_is_at_least_as_large_as_its_source(requested: int | None, source: int, size: int) -> None:
    assert size_checks.size_of_clone(requested, source) == size_checks.size_from_snapshot(requested, source) == size


def test_a_copy_cannot_be_smaller() -> None:
    for rule in (size_checks.size_of_clone, size_checks.size_from_snapshot):
        with pytest.raises(BadRequest):
            rule(2, 3)
