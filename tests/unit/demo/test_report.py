"""What the demonstration calls a difference between two releases, and what it does not."""

import pytest

from stackwire.cloud.demo_journey import Record, Stop
from stackwire.cloud.demo_report import differences
from stackwire.trace.domain.resources import Resource


def a_record(**stops: dict[str, str | None]) -> Record:
    """Stops by label; every run has ids of its own."""
    a_record.runs += 1  # type: ignore[attr-defined]  # a counter of this function
    made = Record()
    for label, properties in stops.items():
        ident = f"{label}-id-{a_record.runs}"  # type: ignore[attr-defined]  # a counter of this function
        named = {key: value if value != "<own id>" else ident for key, value in properties.items()}
        made.stops.append(Stop(label, Resource("image", ident), named))
    return made


a_record.runs = 0  # type: ignore[attr-defined]  # a counter of this function


@pytest.mark.parametrize(
    ("then", "today", "what"),
    [
        ({}, {"team": "storage"}, "lost"),
        ({"team": "storage"}, {}, "only then"),
        ({"team": "a"}, {"team": "b"}, "different"),
        ({"team": None}, {"team": ""}, "different"),
    ],
)
def test_a_property_that_went_another_way_is_a_difference(
    then: dict[str, str | None], today: dict[str, str | None], what: str
) -> None:
    (found,) = differences(a_record(image=then), a_record(image=today))
    assert (found.label, found.key, found.what) == ("image", "team", what)


@pytest.mark.parametrize("properties", [{"team": "storage"}, {"team": None}, {"instance_uuid": "<own id>"}])
def test_what_is_the_same_but_for_ids_is_no_difference(properties: dict[str, str | None]) -> None:
    assert differences(a_record(image=properties), a_record(image=properties)) == []


def test_the_size_and_checksum_of_a_run_are_no_difference() -> None:
    assert differences(a_record(volume={"checksum": "a", "size": "1"}), a_record(volume={"checksum": "b"})) == []
