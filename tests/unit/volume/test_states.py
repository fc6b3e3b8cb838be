"""States: who may go where, and what a crash leaves."""

import pytest

from stackwire.volume.domain import states


@pytest.mark.parametrize(
    ("source", "to", "allowed"),
    [
        ("creating", "available", True), ("creating", "in-use", False), ("available", "uploading", True),
        ("in-use", "uploading", False), ("in-use", "deleting", False), ("error", "deleting", True),
        ("reserved", "downloading", True), ("deleted", "available", False), ("detaching", "in-use", True),
    ],
)  # fmt: skip
def test_a_volume_goes_only_where_the_table_lets_it(source: str, to: str, allowed: bool) -> None:
    assert states.VOLUME.allows(source, to) is allowed


def test_every_state_a_worker_may_die_in_has_an_end() -> None:
    under_way = {"creating", "downloading", "uploading", "extending", "deleting"}
    assert states.AFTER_A_CRASH.keys() == under_way
    assert states.SNAPSHOT_AFTER_A_CRASH.keys() == {"creating", "deleting"}


def test_what_an_administrator_may_set_is_known_to_the_original() -> None:
    assert {"available", "error", "in-use"} <= states.RESETTABLE
    assert "deleted" not in states.RESETTABLE
