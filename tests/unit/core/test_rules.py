"""A travel function under ``@rule`` stays a function and knows its name, its source and both maps of properties."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from stackwire.core.rules import RULES, properties_of, rule


@dataclass(frozen=True)
class Picture:
    colours: dict[str, str]

    def flat(self) -> Mapping[str, str]:
        return self.colours


@rule("gallery.copy", source="gallery/api.py: copy", prefix="copy_")
def copy(picture: Picture, *, but: str = "") -> dict[str, str]:
    return {f"copy_{key}": value for key, value in picture.flat().items() if key != but}


def test_a_rule_is_called_like_the_function_it_is() -> None:
    assert copy(Picture({"sky": "blue", "sea": "green"}), but="sea") == {"copy_sky": "blue"}


def test_a_rule_is_registered_with_its_service_and_source() -> None:
    assert RULES["gallery.copy"] is copy
    assert (copy.service, copy.source, copy.prefix) == ("gallery", "gallery/api.py: copy", "copy_")


def test_properties_are_read_from_a_map_or_from_a_resource_that_flattens_itself() -> None:
    assert properties_of({"a": 1}) == {"a": 1}
    assert properties_of(Picture({"sky": "blue"})) == {"sky": "blue"}
    with pytest.raises(TypeError, match="int"):
        properties_of(3)


def test_two_functions_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"gallery\.copy"):

        @rule("gallery.copy", source="")
        def another(picture: Picture) -> dict[str, str]:
            return {}
