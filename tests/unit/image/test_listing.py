"""What a list may be asked for."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from stackwire.core.errors import BadRequest
from stackwire.image.domain import listing
from stackwire.image.domain.listing import Condition


def read(text: str) -> listing.Query:
    return listing.read(parse_qsl(text, keep_blank_values=True))


@pytest.mark.parametrize(
    ("text", "column", "operator", "value"),
    [
        ("name=a", "name", "=", "a"),
        ("name=eq:a", "name", "=", "a"),
        ("name=in:a,b", "name", "in", ("a", "b")),
        ('name=in:a,"c,d",e', "name", "in", ("a", "c,d", "e")),
        ('name=in:"a:b"', "name", "in", ("a:b",)),
        ("id=in:x", "id", "in", ("x",)),
        ("status=active", "status", "=", "active"),
        ("disk_format=in:raw,qcow2", "disk_format", "in", ("raw", "qcow2")),
        ("size_min=5", "size", ">=", 5),
        ("size_max=5", "size", "<=", 5),
        ("min_ram=64", "min_ram", "=", 64),
        ("min_disk_max=3", "min_disk", "<=", 3),
        ("protected=true", "protected", "=", True),
        ("owner=p", "owner", "=", "p"),
        ("checksum=c", "checksum", "=", "c"),
        ("created_at=gte:2020-01-02", "created_at", ">=", datetime(2020, 1, 2, tzinfo=UTC)),
        ("created_at=2020-01-02T03:04:05Z", "created_at", "=", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("updated_at=neq:2020-01-02T03:04:05%2B01:00", "updated_at", "<>", datetime(2020, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("name=' OR 1=1--", "name", "=", "' OR 1=1--"),
    ],
)
def test_a_filter_becomes_a_condition(text: str, column: str, operator: str, value: object) -> None:
    assert read(text).conditions == (Condition(column, operator, value),)


def test_any_other_key_is_a_property() -> None:
    query = read("os_distro=debian&foo_min=3&team=")
    assert query.properties == (("os_distro", "debian"), ("foo_min", "3"), ("team", ""))
    assert not query.conditions


def test_tags_are_all_asked_for_and_once_each() -> None:
    assert read("tag=a&tag=b&tag=a").tags == ("a", "b")


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("", (("created_at", "desc"), ("id", "desc"))),
        ("sort_key=name", (("name", "desc"), ("created_at", "desc"), ("id", "desc"))),
        ("sort_key=name&sort_dir=asc", (("name", "asc"), ("created_at", "asc"), ("id", "asc"))),
        ("sort=name:asc,size", (("name", "asc"), ("size", "desc"), ("created_at", "asc"), ("id", "asc"))),
        ("sort_key=name&sort_key=id&sort_dir=asc", (("name", "asc"), ("id", "asc"), ("created_at", "asc"))),
        (
            "sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc",
            (("name", "asc"), ("size", "desc"), ("created_at", "asc"), ("id", "asc")),
        ),
    ],
)
def test_ties_are_always_broken_in_the_first_direction(text: str, sort: tuple[tuple[str, str], ...]) -> None:
    assert read(text).sort == sort


@pytest.mark.parametrize(
    "text",
    [
        "limit=-1", "limit=abc", "limit=", "limit=%D9%A1", "sort_key=owner", "sort=bogus:asc", "sort=name:up", "sort=",
        "sort=name:asc&sort_key=name", "sort_key=name&sort_key=size&sort_key=id&sort_dir=asc&sort_dir=asc",
        "visibility=x", "member_status=x", "os_hidden=x", "protected=x", "changes-since=2020-01-01",
        "created_at=gte:junk", "created_at=gte:0001-01-01T00:00:00%2B14:00",
        "created_at=foo:2020-01-01", "created_at=", "size_min=abc",
        "size_min=99999999999999999999", "min_ram=1.5",
        'name=in:"a', "id=in:", 'status=in:a,"b', 'name=in:a"b', 'name=in:"a"b', "name=in:a,,b", "name=like:a",
        "&".join(f"tag={number}" for number in range(1001)),
    ],
)  # fmt: skip
def test_a_bad_filter_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        read(text)


def test_a_huge_limit_is_a_limit() -> None:
    assert (read("limit=" + "9" * 30).limit or 0) > 1000
