"""The values that each field of a body is sent with, one at a time: what schemas tend to forget."""

from collections.abc import Mapping
from typing import Any, Final


class Absent:
    """The field is left out."""


ABSENT: Final = Absent()
UNKNOWN_KEY: Final = "unknown_key"
"""Added to each object of a body, with the value ``x``."""

ODD_VALUES: Mapping[str, Any] = {
    "absent": ABSENT,
    "null": None,
    "empty": "",
    "blank": " ",
    "blanks-around": " a ",
    "letter": "a",
    "accent": "\u00e9",
    "newline": "a\nb",
    "255-letters": "a" * 255,
    "256-letters": "a" * 256,
    "unknown-id": "00000000-0000-4000-8000-000000000000",
    "zero": 0,
    "minus-one": -1,
    "one": 1,
    "fraction": 1.5,
    "2-to-31": 2**31,
    "digit": "1",
    "minus-one-text": "-1",
    "true": True,
    "true-text": "true",
    "list": [],
    "list-of-null": [None],
    "list-of-letter": ["a"],
    "object": {},
    "object-of-letter": {"a": "a"},
    "object-of-null": {"a": None},
}
