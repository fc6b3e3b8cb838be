"""Metadata definitions, pure: wishes, pages, prefixes, schemas and the catalogue."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import stackwire.image.domain
from stackwire.compute.domain.image_props import TABLE, flag, whole
from stackwire.core.errors import Forbidden
from stackwire.image.domain.metadefs import ITEM_SORTS, OBJECT, PROPERTY, TAG, Item, prefixed, read_page
from stackwire.image.domain.metadefs_notifications import MetadefNotificationBuilder
from stackwire.image.domain.metadefs_requests import NamespaceRequest, ObjectRequest, PropertyRequest, check_writable
from stackwire.image.domain.metadefs_schemas import METADEF_SCHEMAS
from stackwire.image.flows.metadefs_seed import read_catalogue

CATALOGUE = Path(stackwire.image.domain.__path__[0]).parent / "catalogue"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_definition_holds_what_was_asked_for_and_no_more() -> None:
    wish = ObjectRequest.model_validate(
        {"name": "o", "properties": {"p": {"name": "x", "title": "T", "type": "string"}}}
    )
    assert wish.definition() == {"properties": {"p": {"title": "T", "type": "string"}}}


def test_an_items_order_is_objects_tags_properties() -> None:
    prop = {"title": "T", "type": "string"}
    requested = NamespaceRequest.model_validate(
        {"namespace": "n", "properties": {"p": prop}, "objects": [{"name": "o"}], "tags": [{"name": "t"}]}
    )
    assert [(kind, name) for kind, name, _ in requested.items()] == [(OBJECT, "o"), (TAG, "t"), (PROPERTY, "p")]
    assert requested.row("me")["owner"] == "me"


@pytest.mark.parametrize("key", ["maxLength", "minLength", "maxItems", "minItems"])
@pytest.mark.parametrize("value", [-1, "1", True, 1.5, None])
def test_a_size_is_a_number_that_counts(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        PropertyRequest.model_validate({"title": "T", "type": "string", key: value})


def test_a_default_may_be_null_and_nothing_else() -> None:
    created = PropertyRequest.model_validate({"title": "T", "type": "string", "default": None})
    assert created.definition() == {"title": "T", "type": "string", "default": None}


def test_names_of_an_objects_properties_take_the_prefix() -> None:
    definition = {"description": "d", "required": ["a"], "properties": {"a": {}, "b": {}}}
    assert prefixed("hw_", definition) == {
        "description": "d", "required": ["hw_a"], "properties": {"hw_a": {}, "hw_b": {}},
    }  # fmt: skip
    assert prefixed("", definition) == definition


def test_what_only_the_service_writes_is_forbidden() -> None:
    with pytest.raises(Forbidden):
        check_writable({"self": "x"}, ("self",))
    check_writable(["self"], ("self",))


def test_a_page_of_tags_leaves_out_what_it_does_not_know() -> None:
    assert read_page([("resource_types", "x")], ITEM_SORTS, visibilities=()) == read_page(
        [], ITEM_SORTS, visibilities=()
    )
    assert read_page([("limit", "0")], ITEM_SORTS, visibilities=()).limit == 0


def test_a_property_is_reported_with_all_its_keys_and_no_times() -> None:
    item = Item(id=1, kind=PROPERTY, name="p", definition={"title": "T"}, created_at=NOW, updated_at=NOW)
    payload = MetadefNotificationBuilder("image.h").item("update", "n", item, old="before").payload
    assert isinstance(payload, dict)
    assert (payload["name_old"], payload["title"], payload["enum"], payload["deleted"]) == ("before", "T", None, False)
    assert "created_at" not in payload


def test_every_file_of_the_catalogue_is_a_namespace_that_can_be_made() -> None:
    wishes = read_catalogue(sorted(CATALOGUE.glob("*.toml")))
    names = [wish.namespace for wish in wishes.values()]
    assert len(set(names)) == len(names) > 20
    for wish in wishes.values():
        assert wish.protected
        assert wish.description
        items = [(kind, name) for kind, name, _ in wish.items()]
        assert items
        assert len(set(items)) == len(items)


NOVAS_OWN = {
    "hw_device_id", "img_bittorrent", "img_block_device_mapping", "img_cache_in_nova", "img_compression_level",
    "img_mappings", "img_owner_id", "img_use_agent", "img_version",
}  # fmt: skip
"""Typed, and not for people: of hypervisors Nova no longer has, or written by itself."""


def of_images() -> dict[str, list[dict[str, Any]]]:
    """What the catalogue says of each property an image may have."""
    found: dict[str, list[dict[str, Any]]] = {}
    for wish in read_catalogue(sorted(CATALOGUE.glob("*.toml"))).values():
        for each in wish.resource_type_associations:
            if each.name == "OS::Glance::Image":
                for name, prop in wish.properties.items():
                    found.setdefault((each.prefix or "") + name, []).append(prop.definition())
    return found


@pytest.mark.parametrize("name", sorted(TABLE.keys() - NOVAS_OWN))
def test_the_catalogue_says_of_a_property_what_nova_reads_in_it(name: str) -> None:
    types = {flag: "boolean", whole: "integer"}
    for definition in of_images()[name]:
        assert definition["type"] == types.get(TABLE[name], "string")
        for value in definition.get("enum", ()):
            assert TABLE[name](value) == value


def test_the_schemas_name_every_key_that_is_read() -> None:
    for name, model in (("namespace", NamespaceRequest), ("object", ObjectRequest), ("property", PropertyRequest)):
        assert set(model.model_fields) <= set(METADEF_SCHEMAS[name]["properties"])
