"""The AsyncAPI document says what the contracts say, and every reference in it leads somewhere."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from stackwire.contracts.asyncapi import document
from stackwire.contracts.events import EVENTS
from stackwire.contracts.schema import modules, protocol
from support.golden import ORDER, recording
from support.golden_payloads import wire_payload

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return document()


@pytest.fixture(scope="module")
def reader(told: dict[str, Any]) -> Callable[[str], Any]:
    """What stands at a place of the document, as a schema: to be held against what was told."""
    return cache(lambda place: jsonschema_rs.validator_for({**told, "$ref": place}))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_somewhere(told: dict[str, Any]) -> None:
    for reference in set(references(told)):
        found: Any = told
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_every_message_of_every_contract_is_an_operation(told: dict[str, Any]) -> None:
    messages = {
        name
        for module in modules()
        for name, described in protocol(module).items()
        if described.get("kind") in ("call", "cast", "fanout")
    }
    assert messages <= told["operations"].keys()
    assert len(messages) > 30


def test_a_call_names_its_channel_its_arguments_and_its_reply(told: dict[str, Any]) -> None:
    operation = told["operations"]["GetImage"]
    channel = told["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
    assert channel["bindings"]["amqp"]["exchange"] == {"name": "stackwire", "type": "topic"}
    schema = told["components"]["schemas"]["GetImage"]["properties"]
    assert schema["method"] == {"const": "get_image"}
    assert "image_id" in schema["args"]["properties"]
    assert operation["reply"]["messages"] == [{"$ref": "#/channels/reply/messages/GetImageReply"}]


def test_every_event_is_a_message_of_the_channel_it_is_emitted_in(told: dict[str, Any]) -> None:
    expected: dict[str, set[str]] = {}
    for event in EVENTS:
        for priority in event.priorities:
            expected.setdefault(f"{event.exchange}-{event.topic}.{priority.lower()}", set()).add(event.event_type)
    for channel, events in expected.items():
        described = told["channels"][channel]
        assert set(described["messages"]) == events
        exchange, _, key = channel.partition("-")
        assert (described["bindings"]["amqp"]["exchange"]["name"], described["address"]) == (exchange, key)
        assert len(told["operations"][f"{channel}-emitted"]["messages"]) == len(events)


def test_no_two_contracts_share_a_name(told: dict[str, Any]) -> None:
    """The document has one place for all of them."""
    names = [name for module in modules() for name in protocol(module)]
    assert sorted(names) == sorted(set(names))


def test_names_are_such_as_the_specification_allows(told: dict[str, Any]) -> None:
    for name in (*told["components"]["schemas"], *told["operations"], *told["channels"]):
        assert re.fullmatch(r"[A-Za-z0-9._@-]+", name), name


@pytest.mark.parametrize("flow", ORDER)
def test_what_was_recorded_fits_the_document(reader: Callable[[str], Any], flow: str) -> None:
    """And with a key more it does not."""
    for event in recording(flow)["events"]:
        fits = reader(f"#/channels/{event['exchange']}-{event['routing_key']}/messages/{event['event_type']}/payload")
        payload = wire_payload(event)
        message = {"message_id": NOBODY, "publisher_id": event["publisher"], "timestamp": "2026-11-20 21:23:39.123456"}
        message |= {"event_type": event["event_type"], "priority": event["priority"], "_context_user": None}
        assert [str(error)[:300] for error in fits.iter_errors({**message, "payload": payload})] == []
        assert not fits.is_valid({**message, "payload": {**payload, "odd": 1}})
