"""How properties come to an image: from the client that sets them, or from the same image in another Glance."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.rules import rule
from stackwire.image.domain import attributes
from stackwire.image.domain.image import Properties

_CLIENT = "glance/api/v2/images.py: ImagesController"


@rule("image.create", source=_CLIENT)
def create(properties: Properties) -> Properties:
    """The properties of a request to create an image, as they are."""
    return properties


@rule("image.update", source=_CLIENT)
def update(properties: Properties) -> Properties:
    """The properties that a request changes, as they are."""
    return properties


def _without_attributes(view: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in view.items() if name not in attributes.FIRST_WORDS}


@rule(
    "image.glance_download",
    source="glance/async_/flows/api_image_import.py: _ImportMetadata",
    before=_without_attributes,
)
def glance_download(view: Mapping[str, Any], properties: Properties) -> Properties:
    """Which of the image's ``properties`` are those of its original, which another Glance shows as ``view``."""
    return {
        name: value
        for name, value in properties.items()
        if not name.startswith(attributes.RESERVED_PREFIX) and view.get(name) == value
    }
