"""The SQL of one page of a list."""

from stackwire.db.query import Conditions, SortKey, after_marker, order_by


def test_conditions_number_their_values() -> None:
    conditions = Conditions("NOT v.deleted")
    conditions.where("v.size > {}", 3)
    conditions.where("v.name IN ({0}, {1})", "a", "b")
    assert conditions.sql == "NOT v.deleted AND v.size > $1 AND v.name IN ($2, $3)"
    assert conditions.values == [3, "a", "b"]
    assert Conditions().sql == "true"


def test_keys_of_one_direction_are_compared_as_a_row() -> None:
    keys = [SortKey("created_at", True, "$1"), SortKey("id", True, "$2")]
    assert after_marker(keys) == "(created_at, id) < ($1, $2)"
    assert order_by(keys) == "created_at DESC, id DESC"


def test_mixed_directions_are_spelt_out() -> None:
    keys = [SortKey("size", False, "$1"), SortKey("id", True, "$2")]
    assert after_marker(keys) == "(size > $1 OR (size = $1 AND (id < $2 OR (id = $2 AND false))))"
