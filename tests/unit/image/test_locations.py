"""Locations: which are read first, and what may be said of them."""

from dataclasses import replace

import pytest

from stackwire.core.errors import BadRequest, Conflict, Forbidden, ServiceError
from stackwire.image.domain.image import Image
from stackwire.image.domain.location_patch import located
from stackwire.image.domain.locations import Location, ordered, read_new_location, scheme_of
from stackwire.image.domain.patch import Change

KINDS = {"a": "file", "b": "http", "c": "s3"}
PLACES = [Location(store=store, url=f"http://x/{number}") for number, store in enumerate("abcba")]
KNOWN = {f"http://x/{number}": ("b", 10) for number in range(9)} | {"http://x/long": ("b", 11)}
QUEUED = Image(id="i", disk_format="raw", container_format="bare")
ACTIVE = replace(QUEUED, status="active", size=10, locations=PLACES[:2])


@pytest.mark.parametrize(
    ("preference", "order"),
    [((), "abcba"), (("http",), "bbaca"), (("s3", "file"), "caabb"), (("http", "s3", "file"), "bbcaa")],
)
def test_preferred_types_come_first_and_within_one_nothing_moves(preference: tuple[str, ...], order: str) -> None:
    found = ordered(PLACES, KINDS, preference)
    assert "".join(place.store for place in found) == order
    for store in "abc":
        mine = [place.url for place in found if place.store == store]
        assert mine == sorted(mine, key=str)


def test_a_scheme_is_lower_case_and_of_no_file() -> None:
    assert scheme_of("http://example.org/") == "http"
    assert scheme_of("s3+https://h/b/k") == "s3+https"


def place(number: object) -> dict[str, object]:
    return {"url": f"http://x/{number}", "metadata": {}}


@pytest.mark.parametrize(("position", "order"), [("-", "012"), ("0", "201"), ("1", "021"), ("2", "012"), ("7", "012")])
def test_a_location_is_added_where_it_is_said(position: str, order: str) -> None:
    after = located(ACTIVE, Change("add", "locations", place(2), (position,)), KNOWN)
    assert "".join(str(each.url)[-1] for each in after.locations) == order
    assert (after.status, after.size) == ("active", 10)


@pytest.mark.parametrize(("position", "left"), [("0", "1"), ("1", "0"), ("-", "0")])
def test_one_of_several_goes(position: str, left: str) -> None:
    after = located(ACTIVE, Change("remove", "locations", rest=(position,)), KNOWN)
    assert [str(each.url)[-1] for each in after.locations] == [left]


@pytest.mark.parametrize(
    ("image", "change", "error"),
    [
        (ACTIVE, Change("remove", "locations", rest=("2",)), BadRequest),
        (ACTIVE, Change("remove", "locations", rest=("-1",)), BadRequest),
        (ACTIVE, Change("remove", "locations", rest=("x",)), BadRequest),
        (replace(ACTIVE, locations=PLACES[:1]), Change("remove", "locations", rest=("0",)), Forbidden),
        (QUEUED, Change("remove", "locations", rest=("0",)), Conflict),
        (ACTIVE, Change("add", "locations", place("long"), ("-",)), BadRequest),
        (ACTIVE, Change("add", "locations", place(0), ("-",)), BadRequest),
        (ACTIVE, Change("add", "locations", place(2), ("x",)), BadRequest),
        (ACTIVE, Change("replace", "locations", []), Forbidden),
        (ACTIVE, Change("replace", "locations", [place(2)]), BadRequest),
        (ACTIVE, Change("replace", "locations", place(2)), BadRequest),
        (replace(ACTIVE, status="deactivated"), Change("add", "locations", place(2), ("-",)), Conflict),
        (replace(QUEUED, status="saving"), Change("add", "locations", place(2), ("-",)), Conflict),
        (replace(QUEUED, container_format=None), Change("add", "locations", place(2), ("-",)), BadRequest),
        (QUEUED, Change("replace", "locations", [place(2), place(2)]), BadRequest),
    ],
)
def test_what_cannot_be_done_is_an_error(image: Image, change: Change, error: type[ServiceError]) -> None:
    with pytest.raises(error):
        located(image, change, KNOWN)


def test_no_validation_data_is_as_good_as_none() -> None:
    assert read_new_location({"url": "http://x/0", "validation_data": {}}).validation == {}
