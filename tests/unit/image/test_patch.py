"""JSON patch, case by case."""

from typing import Any

import pytest

from stackwire.core.errors import BadRequest, Conflict, Forbidden, ServiceError, TooLarge
from stackwire.image.domain import patch
from stackwire.image.domain.image import Image

IMAGE = Image(id="i", name="n", tags=("t",), properties={"a": "1", "b": "2"})


def patched(document: Any, media_type: str = patch.V21, image: Image = IMAGE) -> Image:
    return patch.applied(image, patch.read(document, media_type), media_type)


def op(verb: str, path: str, value: Any = ...) -> dict[str, Any]:
    return {"op": verb, "path": path} | ({} if value is ... else {"value": value})


@pytest.mark.parametrize(
    ("document", "properties"),
    [
        ([], {"a": "1", "b": "2"}),
        ([op("add", "/c", "3")], {"a": "1", "b": "2", "c": "3"}),
        ([op("add", "/a", "9")], {"a": "9", "b": "2"}),
        ([op("replace", "/a", "")], {"a": "", "b": "2"}),
        ([op("remove", "/a")], {"b": "2"}),
        ([op("remove", "/a"), op("add", "/a", "x")], {"b": "2", "a": "x"}),
        ([op("add", "/a~1b", "x")], {"a": "1", "b": "2", "a/b": "x"}),
        ([op("add", "/a~0b", "x")], {"a": "1", "b": "2", "a~b": "x"}),
        ([op("add", "/a~01", "x")], {"a": "1", "b": "2", "a~1": "x"}),
    ],
)
def test_properties_after_a_patch(document: Any, properties: dict[str, str]) -> None:
    assert patched(document).properties == properties


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        (op("replace", "/name", "new"), "name", "new"),
        (op("replace", "/name", None), "name", None),
        (op("add", "/tags", ["x", "x", "y"]), "tags", ("x", "y")),
        (op("replace", "/min_disk", 7), "min_disk", 7),
        (op("replace", "/visibility", "community"), "visibility", "community"),
        (op("replace", "/disk_format", "qcow2"), "disk_format", "qcow2"),
        (op("replace", "/protected", True), "protected", True),
    ],
)
def test_attributes_after_a_patch(change: dict[str, Any], attribute: str, value: Any) -> None:
    assert getattr(patched([change]), attribute) == value


@pytest.mark.parametrize(
    "document",
    [
        {}, "x", None, 1, ["x"], [[]],
        [{"path": "/a", "value": "x"}], [op("test", "/a", "x")], [op("move", "/a", "x")], [op("copy", "/a", "x")],
        [op("ADD", "/a", "x")], [{"op": 5, "path": "/a", "value": "x"}], [{"op": "add", "value": "x"}],
        [{"op": [], "path": "/a"}], [{"op": "add", "path": 5, "value": "x"}],
        [op("add", "", "x")], [op("add", "a", "x")], [op("add", "/", "x")], [op("add", "//", "x")],
        [op("add", "/a//b", "x")], [op("add", "/a/", "x")], [op("add", "/a~2b", "x")], [op("add", "/a~", "x")],
        [op("add", "/a/b", "x")], [op("add", "/c")], [op("replace", "/a")],
        [op("add", "/c", 1)], [op("add", "/c", None)], [op("add", "/c", True)], [op("add", "/c", ["x"])],
        [op("add", "/c", "x" * 65536)], [op("add", "/" + "k" * 256, "x")], [op("add", "/a\nb", "x")],
        [op("replace", "/min_ram", -1)], [op("replace", "/min_ram", 2**31)], [op("replace", "/min_ram", True)],
        [op("replace", "/min_ram", 1.5)], [op("replace", "/min_ram", "1")], [op("replace", "/visibility", "Public")],
        [op("replace", "/protected", "yes")], [op("replace", "/os_hidden", 1)], [op("replace", "/tags", "x")],
        [op("replace", "/tags", ["x" * 256])], [op("replace", "/name", "x" * 256)], [op("add", "/kernel_id", "")],
    ],
)  # fmt: skip
def test_a_malformed_patch_is_refused(document: Any) -> None:
    with pytest.raises(BadRequest):
        patched(document)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        *((op("replace", f"/{name}", "x"), Forbidden) for name in (
            "id", "status", "checksum", "size", "virtual_size", "schema", "self", "file", "direct_url", "stores",
            "created_at", "updated_at", "os_hash_algo", "os_hash_value", "deleted", "deleted_at", "location",
            "os_glance_x", "locations",
        )),
        (op("replace", "/locations", []), Forbidden),
        (op("add", "/locations/-", {"url": "file:///etc/passwd"}), Forbidden),
        (op("remove", "/locations/0"), Forbidden),
        *((op("remove", f"/{name}"), Forbidden) for name in ("name", "min_ram", "visibility", "tags", "owner")),
        (op("replace", "/missing", "x"), Conflict),
        (op("remove", "/missing"), Conflict),
    ],
)  # fmt: skip
def test_what_a_patch_may_not_touch(change: dict[str, Any], error: type[ServiceError]) -> None:
    with pytest.raises(error):
        patched([change])


@pytest.mark.parametrize("name", ["disk_format", "container_format"])
@pytest.mark.parametrize("status", ["saving", "active", "deactivated"])
def test_formats_are_fixed_once_there_are_bytes(name: str, status: str) -> None:
    image = Image(id="i", status=status, disk_format="raw", container_format="bare")
    with pytest.raises(Forbidden):
        patched([op("replace", f"/{name}", "ami")], image=image)


def test_the_old_media_type_names_the_verb_and_never_overwrites() -> None:
    assert patched([{"replace": "/a", "value": "9"}], patch.V20).properties["a"] == "9"
    assert patched([{"add": "/c", "value": "3"}], patch.V20).properties["c"] == "3"
    with pytest.raises(Conflict):
        patched([{"add": "/a", "value": "9"}], patch.V20)
    with pytest.raises(BadRequest):
        patched([{"add": "/c", "replace": "/a", "value": "9"}], patch.V20)


def test_a_patch_has_at_most_a_thousand_operations() -> None:
    with pytest.raises(TooLarge):
        patch.read([op("add", "/c", "x")] * 1001, patch.V21)


def test_a_patch_does_not_change_the_image_it_is_applied_to() -> None:
    patched([op("remove", "/a"), op("add", "/c", "3")])
    assert IMAGE.properties == {"a": "1", "b": "2"}
