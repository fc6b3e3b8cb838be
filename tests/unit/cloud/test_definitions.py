"""What metadata definitions say of a property's value."""

import pytest

from stackwire.cloud.definitions import allowed, defined, definitions, problems

OPERATORS = ["<or>", "s==", ">="]


@pytest.mark.parametrize(
    ("value", "schema", "wrong"),
    [
        ("scsi", {"type": "string", "enum": ["scsi", "virtio"]}, []),
        ("floppy", {"type": "string", "enum": ["scsi", "virtio"]}, ["'floppy' is none of scsi, virtio"]),
        ("abc", {"type": "string", "minLength": 4}, ["'abc' is too short"]),
        ("abc", {"type": "string", "maxLength": 2}, ["'abc' is too long"]),
        ("(a+)+$", {"type": "string", "pattern": "("}, []),
        ("4", {"type": "integer", "minimum": 1, "maximum": 4}, []),
        ("0", {"type": "integer", "minimum": 1}, ["'0' is below 1"]),
        ("5", {"type": "integer", "maximum": 4}, ["'5' is over 4"]),
        ("4.5", {"type": "integer"}, ["'4.5' is no integer"]),
        ("9" * 40, {"type": "integer"}, [f"'{'9' * 40}' is no integer"]),
        ("4.5", {"type": "number", "minimum": 4}, []),
        ("Yes", {"type": "boolean"}, []),
        ("maybe", {"type": "boolean"}, ["'maybe' is no boolean"]),
        ("a, b", {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, []),
        ("a,c", {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, ["'c' is none of a, b"]),
        ("<or> Intel <or> AMD", {"type": "string", "operators": OPERATORS, "enum": ["Intel", "AMD"]}, []),
        (
            "<or> Intel <or> VIA",
            {"type": "string", "operators": OPERATORS, "enum": ["Intel"]},
            ["'VIA' is none of Intel"],
        ),
        (">= 4", {"type": "integer", "operators": OPERATORS, "maximum": 3}, ["'4' is over 3"]),
        (">= 4", {"type": "integer"}, ["'>= 4' is no integer"]),
        ("", {"type": "string"}, []),
    ],
)
def test_what_is_out_of_range_is_said(value, schema, wrong):
    assert problems(value, schema) == wrong


def test_an_aggregate_has_lists():
    assert problems("8, x", {"type": "integer"}, listed=True) == ["'x' is no integer"]


def test_a_range_in_words():
    assert allowed({"type": "integer", "minimum": 1, "maximum": 4}) == "from 1 to 4"
    assert allowed({"type": "string", "maxLength": 3, "pattern": "^a"}) == "at most 3 characters like ^a"
    assert allowed({"type": "string"}) is None


def namespace(name, target, **properties):
    kind = {"name": "OS::Cinder::Volume", "properties_target": target}
    return {"namespace": name, "resource_type_associations": [kind], "properties": properties}


def test_a_volumes_own_metadata_and_its_images_are_defined_apart():
    shown = [
        namespace("Image", "image", os_type={"title": "Family", "type": "string", "enum": ["linux"]}),
        namespace("Own", None, os_type={"title": "Note", "type": "string"}),
        {
            "namespace": "Objects",
            "objects": [{"name": "o", "properties": {"owner": {"title": "Owner", "type": "string"}}}],
        },
    ]
    groups = {
        "metadata": {"os_type": "mine", "owner": "me"},
        "volume_image_metadata": {"os_type": "amiga", "team": "a"},
    }
    rows = defined(groups, definitions(shown, "OS::Cinder::Volume"), "volume")
    assert [(row.of, row.key, row.title, len(row.problems)) for row in rows] == [
        ("metadata", "os_type", "Note", 0),
        ("metadata", "owner", "Owner", 0),
        ("volume_image_metadata", "os_type", "Family", 1),
        ("volume_image_metadata", "team", None, 0),
    ]


def test_a_value_suits_if_it_suits_one_of_several_definitions():
    shown = [
        namespace("A", None, size={"title": "A", "type": "integer"}),
        namespace("B", None, size={"title": "B", "type": "string"}),
    ]
    (row,) = defined({"metadata": {"size": "big"}}, definitions(shown, "OS::Cinder::Volume"), "volume")
    assert (row.namespace, row.problems) == ("B", [])
