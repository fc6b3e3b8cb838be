"""The table of directories and sizes: where new data goes."""

import pytest

from stackwire.image.domain.datadir_selection import Place, best

FAST, SLOW = Place(priority=200, room=10), Place(priority=100, room=1000)


@pytest.mark.parametrize(
    ("places", "size", "chosen"),
    [
        ([SLOW, FAST], 5, 1),
        ([SLOW, FAST], 10, 1),
        ([SLOW, FAST], 11, 0),
        ([SLOW, FAST], 1001, None),
        ([Place(0, 50), Place(0, 70), Place(0, 60)], 5, 1),
        ([Place(1, 0), Place(0, 5)], 0, 1),
        ([Place(0, 0)], 0, None),
        ([], 0, None),
    ],
    ids=[
        "the highest priority", "that just fits", "or else the next", "nowhere", "of equals the most room",
        "a full one is none for what is not announced either", "all full", "no directory",
    ],
)  # fmt: skip
def test_data_goes_where_the_priority_is_highest_and_there_is_room(
    places: list[Place], size: int, chosen: int | None
) -> None:
    assert best(places, size) == chosen
