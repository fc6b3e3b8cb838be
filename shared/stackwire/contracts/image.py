"""What other services call at the image service: metadata; image data is transferred over HTTP."""

from collections.abc import Mapping
from typing import Any, Self

from stackwire.contracts.base import Call, Contract, Target
from stackwire.core.errors import Conflict, Forbidden, NotFound

IMAGE = Target(exchange="stackwire", topic="image")
_LINKS = frozenset({"self", "file", "schema", "locations", "direct_url", "stores"})
"""Attributes of the v2 API that are no part of a view."""


class ImageView(Contract):
    """One image, with what the caller may read. Sizes in bytes, min_disk GiB, min_ram MiB, times ISO 8601 with Z."""

    id: str
    name: str | None = None
    status: str
    visibility: str = "shared"
    protected: bool = False
    os_hidden: bool = False
    owner: str | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    container_format: str | None = None
    disk_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    created_at: str
    updated_at: str
    tags: list[str] = []
    properties: dict[str, str | None] = {}

    def flat(self) -> dict[str, Any]:
        """Core attributes and properties side by side, as in the v2 API."""
        core = self.model_dump(exclude={"properties"})
        return {**self.properties, **core}

    @classmethod
    def of_flat(cls, image: Mapping[str, Any]) -> Self:
        """From an image of the v2 API: what is none of its attributes is a property."""
        core = cls.model_fields.keys() - {"properties"}
        properties = {name: value for name, value in image.items() if name not in core | _LINKS}
        return cls.model_validate({**image, "properties": properties})


class ImageNotFound(NotFound, wire="glance.common.exception.ImageNotFound"):
    """No image found with ID {image_id}"""


class ImageForbidden(Forbidden, wire="glance.common.exception.Forbidden"):
    """You are not authorized to complete this action."""


class ImageInUse(Conflict, wire="glance.common.exception.InUseByStore"):
    """Image {image_id} could not be deleted because it is in use."""


class GetImage(Call[ImageView], target=IMAGE, method="get_image", repeatable=True):
    """Metadata of one image; ImageNotFound when it does not exist or the caller may not read it."""

    image_id: str


class CreateImage(Call[ImageView], target=IMAGE, method="create_image"):
    """A queued image, owned by the caller's project. ``visibility`` None: the service's default.

    ``member``: a project it is shared with (Nova's ``instance_owner``).
    """

    id: str | None = None
    name: str | None = None
    visibility: str | None = None
    protected: bool = False
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    tags: list[str] = []
    properties: dict[str, str] = {}
    member: str | None = None


class ImageList(Contract):
    """A page, and whether there may be another."""

    images: list[ImageView]
    more: bool


class ListImages(Call[ImageList], target=IMAGE, method="list_images", repeatable=True):
    """Images that the caller may see; ``query``: names and values as in the query string of the v2 API."""

    query: list[tuple[str, str]] = []


class UpdateImage(Call[ImageView], target=IMAGE, method="update_image", repeatable=True):
    """Change core attributes (``changes``) and properties; ``purge`` removes the properties that are not given.

    ``by_client``: the caller is the source of the properties, which the lineage records. Repeated, it changes nothing.
    """

    image_id: str
    changes: dict[str, Any] = {}
    properties: dict[str, str] = {}
    purge: bool = False
    by_client: bool = False


class ImageLocations(Contract):
    """Where an image's data is: each with a ``url`` and its ``metadata``."""

    locations: list[dict[str, Any]]


class AddImageLocation(Call[ImageView], target=IMAGE, method="add_image_location"):
    """Makes a queued image active with the data at a URL, which the caller may read there."""

    image_id: str
    url: str
    metadata: dict[str, Any] = {}


class GetImageLocations(Call[ImageLocations], target=IMAGE, method="get_image_locations", repeatable=True):
    """For services only; ImageNotFound, ImageForbidden."""

    image_id: str


class DeleteImage(Call[None], target=IMAGE, method="delete_image"):
    """Delete it with its data; ImageNotFound, ImageForbidden (protected), ImageInUse."""

    image_id: str
