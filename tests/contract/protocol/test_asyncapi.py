"""The AsyncAPI document says what the contracts say, and every reference in it leads somewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from stackwire.contracts.asyncapi import document
from stackwire.contracts.schema import modules, protocol


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return document()


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


def test_what_services_tell_of_is_there_too(told: dict[str, Any]) -> None:
    assert {"CrossingTold", "LegsTold", "Nova_versioned_notificationsTold"} <= told["operations"].keys()
