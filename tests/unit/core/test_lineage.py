import pytest

from stackwire.core.lineage import compare

TABLE = [
    # before, after, prefix, outcomes by key
    ({"a": "1"}, {"a": "1"}, "", {"a": "carried"}),
    ({"a": "1"}, {"image_a": "1"}, "image_", {"a": "renamed"}),
    ({"image_a": "1"}, {"a": "1"}, "-image_", {"image_a": "renamed"}),
    ({"a": "1"}, {"a": "2"}, "", {"a": "changed"}),
    ({"a": "x" * 300}, {"a": "x" * 255}, "", {"a": "truncated"}),
    ({"a": "1"}, {}, "", {"a": "dropped"}),
    ({}, {"a": "1"}, "", {"a": "added"}),
    ({"min_disk": 1}, {"min_disk": "1"}, "", {"min_disk": "carried"}),
    ({"owner": "x"}, {"owner": "x"}, "image_", {"owner": "carried"}),
    ({"a": None}, {"a": "None"}, "", {"a": "changed"}),
]


@pytest.mark.parametrize(("before", "after", "prefix", "expected"), TABLE)
def test_what_became_of_a_property(before, after, prefix, expected):
    assert {v.key or v.after_key: v.outcome for v in compare(before, after, prefix)} == expected
