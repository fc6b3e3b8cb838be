"""Errors as they cross the bus: the registered class with its facts, and never a secret or an import."""

import json
import sys
from typing import Any

import pytest

from stackwire.core.errors import NotFound, RemoteError, ServiceError
from stackwire.messaging import failure


class CrateNotFound(NotFound, wire="crates.exception.CrateNotFound"):
    """No crate {crate_id}."""


class Particular(NotFound, wire="crates.exception.Particular"):
    """An error with a constructor of its own."""

    def __init__(self, *, number: int) -> None:
        super().__init__(number=number + 0)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_a_registered_error_makes_the_round_trip() -> None:
    text = failure.encode(raised(CrateNotFound(crate_id="c-1", where=["a", {"b": 1}])))
    data = json.loads(text)
    assert (data["class"], data["module"]) == ("CrateNotFound", "crates.exception")
    assert data["args"] == ["No crate c-1."]
    back = failure.decode(text)
    assert type(back) is CrateNotFound
    assert back.params == {"crate_id": "c-1", "where": ["a", {"b": 1}]}
    assert (back.message, back.status) == ("No crate c-1.", 404)


def test_the_remote_marks_of_the_originals_are_taken_off() -> None:
    back = failure.decode(json.dumps({"class": "CrateNotFound_Remote", "module": "crates.exception_Remote"}))
    assert type(back) is CrateNotFound


def test_facts_that_are_not_json_become_text() -> None:
    back = failure.decode(failure.encode(CrateNotFound(crate_id=frozenset({1}))))
    assert back.params == {"crate_id": "frozenset({1})"}


@pytest.mark.parametrize(
    "wire",
    [
        None,
        5,
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"class": "system", "module": "os", "args": ["true"]}),
        json.dumps({"class": "KeyError", "module": "builtins"}),
        json.dumps({"class": "Particular", "module": "crates.exception", "kwargs": {"number": "x", "more": 1}}),
        json.dumps({"class": "CrateNotFound", "module": "crates.exception", "kwargs": {"self": 1}}),
    ],
)
def test_everything_else_is_a_remote_error(wire: Any) -> None:
    assert type(failure.decode(wire)) is RemoteError


def test_nothing_named_on_the_wire_is_imported() -> None:
    sys.modules.pop("this", None)
    failure.decode(json.dumps({"class": "Zen", "module": "this"}))
    assert "this" not in sys.modules


def test_missing_parts_are_tolerated() -> None:
    back = failure.decode(json.dumps({"class": "CrateNotFound", "module": "crates.exception"}))
    assert isinstance(back, ServiceError)
    assert back.params == {}


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach amqp://me:hush@host/",
        "postgresql://me:hush@host/db refused",
        "login failed for password=hush",
        "{'password': 'hush'}",
        "X-Auth-Token: hush",
        "the token was hush-token-of-the-caller",
    ],
)
def test_no_secret_leaves_in_a_failure(text: str) -> None:
    for error in (ValueError(text), CrateNotFound(text)):
        out = failure.encode(raised(error), secrets=["hush-token-of-the-caller", None])
        assert "hush" not in out


def test_the_callers_token_is_not_among_the_facts() -> None:
    assert "sesame" not in failure.encode(CrateNotFound(crate_id="sesame"), ["sesame"])


def test_a_traceback_shows_file_names_without_paths_or_source() -> None:
    secret_local = "in a line of source"
    data = json.loads(failure.encode(raised(ValueError("bad"))))
    assert secret_local
    assert data["tb"] == [
        "Traceback (most recent call last):\n",
        *[line for line in data["tb"][1:-1] if line.startswith('  File "test_failure.py", line ')],
        "ValueError: bad\n",
    ]


def test_a_lone_surrogate_in_a_message_does_not_break_the_failure() -> None:
    assert failure.decode(failure.encode(ValueError("\ud800"))).params["exc_type"] == "ValueError"
