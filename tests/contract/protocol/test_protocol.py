"""The messages of the house are what the files beside this one say.

A change that is meant: ``python -m stackwire.contracts.schema tests/contract/protocol``, and look at the diff.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stackwire.contracts import schema

FOLDER = Path(__file__).parent


def test_every_module_of_messages_has_its_file_and_no_file_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == schema.modules()


@pytest.mark.parametrize("module", schema.modules())
def test_the_messages_are_those_on_file(module: str) -> None:
    assert json.loads(schema.text(module)) == json.loads((FOLDER / f"{module}.json").read_text(encoding="utf-8"))


def routes() -> dict[tuple[Any, ...], list[str]]:
    found: dict[tuple[Any, ...], list[str]] = {}
    for module in schema.modules():
        for name, message in schema.protocol(module).items():
            if "method" in message:
                major = message["version"].split(".")[0]
                key = (
                    message["exchange"],
                    message["topic"],
                    message["namespace"],
                    major,
                    message["method"],
                    message["kind"],
                )
                found.setdefault(key, []).append(f"{module}.{name}")
    return found


def test_no_two_messages_have_the_same_route() -> None:
    """One method may be cast and called: Nova's ``migrate_server``."""
    assert {key: names for key, names in routes().items() if len(names) > 1} == {}


def test_a_topic_belongs_to_one_exchange() -> None:
    """Queue names do not contain the exchange: two services with one topic in a vhost would share a queue."""
    exchanges: dict[str, set[str]] = {}
    for exchange, topic, *_ in routes():
        exchanges.setdefault(topic, set()).add(exchange)
    assert {topic: where for topic, where in exchanges.items() if len(where) > 1} == {}
