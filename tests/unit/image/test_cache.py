"""The image cache, pure: what goes when it is too much, and what may be cleared."""

from datetime import UTC, datetime, timedelta

import pytest

from stackwire.core.errors import BadRequest
from stackwire.image.domain.cache import CachedImage, entries_to_evict, read_clear_target

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def an_entry(name: str, size: int, minutes_ago: int) -> CachedImage:
    then = NOW - timedelta(minutes=minutes_ago)
    return CachedImage(
        image_id=name, object=name, size=size, checksum=None, hits=0, last_accessed=then, last_modified=NOW
    )


ENTRIES = [an_entry("new", 10, 1), an_entry("old", 30, 9), an_entry("middle", 20, 5)]


@pytest.mark.parametrize(
    ("most", "gone"),
    [
        (60, []),
        (59, ["old"]),
        (30, ["old"]),
        (29, ["old", "middle"]),
        (10, ["old", "middle"]),
        (0, ["old", "middle", "new"]),
        (-1, ["old", "middle", "new"]),
    ],
)
def test_what_was_asked_for_longest_ago_goes_first_and_no_more_than_must(most: int, gone: list[str]) -> None:
    assert [each.image_id for each in entries_to_evict(ENTRIES, most)] == gone


@pytest.mark.parametrize(("header", "target"), [(None, ""), ("", ""), ("Cache", "cache"), (" queue ", "queue")])
def test_the_header_names_what_is_cleared(header: str | None, target: str) -> None:
    assert read_clear_target(header) == target


def test_nothing_else_can_be_cleared() -> None:
    with pytest.raises(BadRequest):
        read_clear_target("both")
