"""Unified limits, pure."""

import pytest

from stackwire.image.domain.errors import LimitExceeded
from stackwire.image.domain.usage import COUNT_TOTAL, NAMES, SIZE_TOTAL, Unified, Usage

MIB = 1024**2
LIMITS = Unified({COUNT_TOTAL: 2, SIZE_TOTAL: 1}, {"rich": {COUNT_TOTAL: 0, SIZE_TOTAL: 5}})


def test_a_projects_own_limit_goes_before_the_default() -> None:
    assert [LIMITS.limit(project, COUNT_TOTAL) for project in ("any", "rich", None)] == [2, -1, 2]
    assert LIMITS.bounds("rich", COUNT_TOTAL, SIZE_TOTAL)
    assert not LIMITS.bounds("rich", COUNT_TOTAL)


@pytest.mark.parametrize(("number", "fits"), [(0, True), (2, True), (3, False)])
def test_a_number_may_reach_its_limit_and_not_pass_it(number: int, fits: bool) -> None:
    if fits:
        LIMITS.check("any", COUNT_TOTAL, number)
    else:
        with pytest.raises(LimitExceeded):
            LIMITS.check("any", COUNT_TOTAL, number)


@pytest.mark.parametrize(
    ("used", "announced", "room"), [(0, None, MIB), (MIB - 1, 1, 1), (MIB - 1, 2, None), (MIB, None, None)]
)
def test_bytes_have_the_room_that_is_left(used: int, announced: int | None, room: int | None) -> None:
    if room is None:
        with pytest.raises(LimitExceeded):
            LIMITS.room("any", SIZE_TOTAL, used, announced)
    else:
        assert LIMITS.room("any", SIZE_TOTAL, used, announced) == room
    assert Unified().room("any", SIZE_TOTAL, used, announced) is None


def test_sizes_are_shown_in_whole_mebibytes() -> None:
    shown = Usage(size=2 * MIB - 1, staged=MIB, images=3, uploading=4).by_name()
    assert list(shown.values()) == [1, 1, 3, 4]
    assert tuple(shown) == NAMES
