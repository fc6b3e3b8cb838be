"""What a process has in hand."""

import pytest

from stackwire.image.flows.hands import Hands


def test_what_is_held_twice_is_held_until_both_let_go() -> None:
    hands = Hands()
    with hands.holding("task", "a"):
        with hands.holding("task", "b"):
            assert all(mark in hands for mark in ("task", "a", "b"))
        assert "task" in hands
        assert "b" not in hands
    assert "task" not in hands


def test_a_failure_lets_go() -> None:
    hands = Hands()
    with pytest.raises(ValueError, match="broken"), hands.holding("a"):
        raise ValueError("broken")
    assert "a" not in hands
