"""Times as the v2 API shows them."""

from datetime import UTC, datetime

import pytest

from stackwire.image.domain.image import stamp


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, None),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 12, 31, 23, 59, 59, 1, tzinfo=UTC), "2026-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_cut_to_its_second_never_rounded(moment: datetime | None, shown: str | None) -> None:
    assert stamp(moment) == shown
