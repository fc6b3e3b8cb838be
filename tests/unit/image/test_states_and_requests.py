"""What may become of an image, and what a client may wish for."""

from typing import Any

import pytest

from stackwire.core.errors import BadRequest, Forbidden
from stackwire.core.states import Verb
from stackwire.image.domain import attributes
from stackwire.image.domain.image import Image, may_see
from stackwire.image.domain.quota import storage_bytes
from stackwire.image.domain.states import ImageStates


@pytest.mark.parametrize(
    ("to", "sources"),
    [
        ("saving", {"queued"}),
        ("active", {"deactivated", "importing", "pending_delete", "queued", "saving"}),
        ("deactivated", {"active"}),
        ("queued", {"active", "importing", "saving", "uploading"}),
    ],
)
def test_where_a_state_is_entered_from(to: str, sources: set[str]) -> None:
    assert ImageStates.sources(to) == sources


def test_nothing_comes_after_deleted_and_data_is_never_replaced() -> None:
    """But for the bug of old releases that lets an active image lose its data."""
    for verb in ImageStates.verbs:
        assert not verb.allows(status="deleted")
        if verb is not ImageStates.lose_data:
            assert not verb.allows(status="active") or not (verb.to["status"] or set()) & {"queued", "saving"}


@pytest.mark.parametrize(
    ("row", "verb"),
    [
        ({"status": "saving", "object": "i.1"}, ImageStates.abort),
        ({"status": "uploading", "staged": "i.1"}, ImageStates.abort),
        ({"status": "uploading", "staged": "i.1", "size": 5}, None),
        ({"status": "importing", "object": "i.1", "staged": "i.1", "size": 5}, ImageStates.abort),
        ({"status": "importing"}, ImageStates.abort_location_import),
        ({"status": "queued"}, None),
        ({"status": "active", "object": "i.1"}, None),
        ({"status": "pending_delete", "object": "i.1"}, None),
    ],
)
def test_what_a_crash_leaves_behind_and_what_recovery_makes_of_it(row: dict[str, Any], verb: Verb | None) -> None:
    assert ImageStates.after_crash(Image(id="i", **row)) is verb


def test_a_request_is_split_into_attributes_and_properties() -> None:
    base, properties = attributes.read_request(
        {"name": "n", "tags": ["a", "a"], "os_distro": "x", "kernel_id": None, "__class__": "{0}", "a/b~ é": "%(x)s"}
    )
    assert base == {"name": "n", "tags": ("a",)}
    assert properties == {"os_distro": "x", "kernel_id": None, "__class__": "{0}", "a/b~ é": "%(x)s"}


@pytest.mark.parametrize(
    "name",
    [
        "status", "checksum", "size", "virtual_size", "created_at", "updated_at", "os_hash_value", "os_hash_algo",
        "self", "schema", "file", "direct_url", "stores", "locations", "location", "deleted", "deleted_at",
        "os_glance_importing_to_stores", "os_glanceful",
    ],
)  # fmt: skip
def test_names_that_are_not_the_clients_are_forbidden_whatever_else_is_wrong(name: str) -> None:
    with pytest.raises(Forbidden):
        attributes.read_request({"min_ram": "wrong", name: "x"})


@pytest.mark.parametrize(
    "wish",
    [
        {"": "x"}, {"k" * 256: "x"}, {"k": 1}, {"k": True}, {"k": None}, {"k": []}, {"k": {}}, {"k": "v" * 65536},
        {"k": "é" * 32768}, {"id": "x"}, {"id": None}, {"visibility": "secret"}, {"visibility": "Public"},
        {"visibility": 1}, {"disk_format": "exe"}, {"container_format": ""}, {"min_ram": -1}, {"min_ram": "1"},
        {"min_ram": 1.5}, {"min_ram": True}, {"min_disk": 2**31}, {"min_disk": 2**64}, {"protected": "yes"},
        {"os_hidden": 1}, {"tags": "x"}, {"tags": ["t" * 256]}, {"tags": [1]}, {"owner": "o" * 256}, {"name": 5},
        {"kernel_id": ""}, {"cinder_encryption_key_deletion_policy": "perhaps"}, {"a\x7fb": "x"},
    ],
)  # fmt: skip
def test_an_impossible_request_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        attributes.read_request(wish)


@pytest.mark.parametrize(
    ("visibility", "owner", "member", "seen"),
    [
        ("private", "me", None, True),
        ("private", "you", None, False),
        ("private", "you", "accepted", False),
        ("shared", "you", None, False),
        ("shared", "you", "pending", True),
        ("shared", "you", "rejected", True),
        ("community", "you", None, True),
        ("public", "you", None, True),
    ],
)
def test_who_sees_an_image(visibility: str, owner: str, member: str | None, seen: bool) -> None:
    image = Image(id="i", visibility=visibility, owner=owner, member_status=member)
    assert may_see(image, "me", is_admin=False) is seen
    assert may_see(image, "me", is_admin=True)


def test_nobody_owns_what_nobody_owns() -> None:
    assert not may_see(Image(id="i", visibility="private", owner=None), None, is_admin=False)


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("5", 5), ("5B", 5), ("2KB", 2048), ("3 GB", 3 * 1024**3)])
def test_a_storage_quota_has_a_unit_or_none(text: str, size: int) -> None:
    assert storage_bytes(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "5PB", "1.5GB"])
def test_a_storage_quota_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="user_storage_quota"):
        storage_bytes(text)
