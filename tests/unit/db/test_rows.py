"""Rows become what the constructor of their dataclass would make of them."""

from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from stackwire.db.rows import read_as


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    id: int
    name: str | None = None
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    size: int = 1
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "doubled", 2 * self.size)


@dataclass(frozen=True)
class WithoutSlots:
    id: int


@pytest.mark.parametrize(
    ("model", "row"),
    [
        (Base, {"id": 1}),
        (Base, {"name": "disk", "id": 1, "tags": ["a"]}),
        (Derived, {"size": 4, "id": 1}),
        (Derived, {"id": 1, "tags": []}),
        (WithoutSlots, {"id": 1}),
        (dict, {"id": 1}),
    ],
)
def test_a_row_becomes_what_the_constructor_makes_of_it(model: type[Any], row: dict[str, Any]) -> None:
    assert read_as(model, row)(row) == model(**row)


@pytest.mark.parametrize("row", [{"name": "disk"}, {"id": 1, "colour": "red"}, {"id": 1, "doubled": 3}, {}])
def test_columns_that_do_not_fit_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"missing 1 required|unexpected keyword"):
        read_as(Derived, row)(row)


def test_each_row_has_default_values_of_its_own_and_is_frozen() -> None:
    read = read_as(Base, {"id": 1})
    first, second = read({"id": 1}), read({"id": 2})
    first.tags.append("a")
    assert (second.id, second.tags) == (2, [])
    with pytest.raises(FrozenInstanceError):
        first.id = 3  # type: ignore[misc]  # that is what is asked
