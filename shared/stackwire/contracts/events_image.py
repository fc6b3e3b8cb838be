"""Notifications of the image service, as Glance's: on exchange ``glance``, with an empty context."""

from typing import Any, Literal

from stackwire.contracts.payload import Payload, Zulu

IMAGE_EVENTS = "glance"
"""The exchange of all of them."""
ImageEvent = Literal["image.create", "image.update", "image.activate", "image.delete"]
MemberEvent = Literal["image.member.create", "image.member.update", "image.member.delete"]
TaskEvent = Literal["task.create", "task.processing", "task.success", "task.failure", "task.run", "task.delete"]
NamespaceEvent = Literal[
    "metadef_namespace.create", "metadef_namespace.update", "metadef_namespace.delete",
    "metadef_namespace.delete_objects", "metadef_namespace.delete_properties", "metadef_namespace.delete_tags",
]  # fmt: skip
ItemVerb = Literal["create", "update", "delete"]
"""Of ``metadef_object``, ``metadef_property`` and ``metadef_tag``."""
AssociationVerb = Literal["create", "delete"]
"""Of ``metadef_resource_type``."""


class _Deletable(Payload):
    """``deleted_at`` is set for what is deleted."""

    deleted: bool
    deleted_at: Zulu | None


class _Timed(_Deletable):
    created_at: Zulu
    updated_at: Zulu


class ImagePayload(_Timed):
    """An image as it is now, or as it was when it was deleted. Sizes in bytes, min_disk GiB, min_ram MiB.

    ``properties`` are whatever its users gave it. Neither its location nor its ``os_hash_*`` are told.
    """

    id: str
    name: str | None
    status: str
    min_disk: int
    min_ram: int
    protected: bool
    checksum: str | None
    owner: str | None
    disk_format: str | None
    container_format: str | None
    size: int | None
    virtual_size: int | None
    is_public: bool
    visibility: Literal["public", "community", "shared", "private"]
    properties: dict[str, str | None]
    tags: list[str]


class UploadedImagePayload(ImagePayload):
    """Its bytes are in a store; the lists are the stores an import has still to write to, and those where it failed."""

    os_glance_importing_to_stores: list[str]
    os_glance_failed_import: list[str]


class PreparedImagePayload(UploadedImagePayload):
    """Its bytes are about to be written to the store ``backend``."""

    backend: str


class SentImagePayload(Payload):
    """Bytes were sent to a client; fewer than the image has where the event's priority is ERROR."""

    bytes_sent: int
    image_id: str
    owner_id: str | None
    receiver_tenant_id: str | None
    receiver_user_id: str | None


class MemberPayload(_Timed):
    """A project that may use a shared image, and its member status."""

    image_id: str
    member_id: str
    status: Literal["pending", "accepted", "rejected"]


class TaskPayload(_Timed):
    """A task; neither its input nor its result nor its message, which may hold secrets."""

    id: str
    type: str
    status: Literal["pending", "processing", "success", "failure"]
    result: None
    owner: str | None
    message: None
    expires_at: Zulu


class NamespacePayload(_Timed):
    """A namespace of definitions; ``namespace_old`` is its previous name."""

    namespace: str
    namespace_old: str
    display_name: str | None
    protected: bool
    visibility: Literal["public", "private"]
    owner: str | None
    description: str | None


class AssociationPayload(_Timed):
    """A resource type that a namespace's properties are for."""

    namespace: str
    name: str
    name_old: str
    prefix: str | None
    properties_target: str | None


class _Item(_Deletable):
    namespace: str
    name: str
    name_old: str


class TagPayload(_Item, _Timed):
    """A tag of a namespace; ``name_old`` is its previous name."""


class DefinedProperty(Payload):
    """A property's JSON schema, key by key; null for absent keys."""

    type: str | None
    title: str | None
    description: str | None
    default: Any
    minimum: float | None
    maximum: float | None
    enum: list[Any] | None
    pattern: str | None
    minLength: int | None
    maxLength: int | None
    confidential: bool | None
    items: dict[str, Any] | None
    uniqueItems: bool | None
    minItems: int | None
    maxItems: int | None
    additionalItems: bool | None


class NamedProperty(DefinedProperty):
    """One of an object's properties."""

    name: str


class PropertyPayload(_Item, DefinedProperty):
    """A property of a namespace. Its creation time is not included."""


class ObjectPayload(_Item, _Timed):
    """A group of properties."""

    properties: list[NamedProperty]
    required: list[str] | None
    description: str | None
