"""The table of directories and sizes: where new data goes."""

import pytest

from stackwire.image.domain.datadir_selection import DataDir, find_best_datadir

FAST, SLOW = DataDir(priority=200, free_bytes=10), DataDir(priority=100, free_bytes=1000)


@pytest.mark.parametrize(
    ("places", "size", "chosen"),
    [
        ([SLOW, FAST], 5, 1),
        ([SLOW, FAST], 10, 1),
        ([SLOW, FAST], 11, 0),
        ([SLOW, FAST], 1001, None),
        ([DataDir(0, 50), DataDir(0, 70), DataDir(0, 60)], 5, 1),
        ([DataDir(1, 0), DataDir(0, 5)], 0, 1),
        ([DataDir(0, 0)], 0, None),
        ([], 0, None),
    ],
    ids=[
        "the highest priority", "that just fits", "or else the next", "nowhere", "of equals the most room",
        "a full one is none for what is not announced either", "all full", "no directory",
    ],
)  # fmt: skip
def test_data_goes_where_the_priority_is_highest_and_there_is_room(
    places: list[DataDir], size: int, chosen: int | None
) -> None:
    assert find_best_datadir(places, size) == chosen
