import pytest

from stackwire.core.state_table import Machine, table

DOOR = Machine("door", table(open="closed", closed="open locked", locked="closed in__use", in__use=""))


@pytest.mark.parametrize(
    ("to", "sources"), [("closed", ["locked", "open"]), ("locked", ["closed"]), ("in-use", ["locked"])]
)
def test_sources_are_the_states_a_state_may_be_entered_from(to: str, sources: list[str]):
    assert DOOR.sources(to) == sources


def test_a_move_is_allowed_only_where_the_table_has_it():
    assert DOOR.allows("open", "closed")
    assert not DOOR.allows("open", "locked")


def test_asking_for_a_state_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        DOOR.sources("ajar")


def test_a_misspelt_goal_fails_when_the_table_is_made():
    with pytest.raises(ValueError, match="ajar"):
        table(open="ajar")


def test_the_table_draws_itself():
    assert "    locked --> in_use" in DOOR.mermaid()
