"""The values that the travel rules read and write: their shapes, and what becomes of a single one."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from stackwire.core.behaviours import Behaviours

PREFIX = "image_"
VALUE_LIMIT = 255
# nova/image/glance.py: properties kept as JSON text in Glance
STRUCTURED = ("mappings", "block_device_mapping")

Rows = dict[str, str]
ImageDict = dict[str, Any]


class RootDisk(Protocol):
    """What the rules read of a flavor: the size of its root disk in GiB."""

    @property
    def root_gb(self) -> int: ...


class Bootable(Protocol):
    """What the rules read of a server when it becomes an image."""

    @property
    def uuid(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def os_type(self) -> str | None: ...
    @property
    def kernel_id(self) -> str | None: ...
    @property
    def ramdisk_id(self) -> str | None: ...
    @property
    def root_device_name(self) -> str | None: ...


def image_dict(image: Mapping[str, Any]) -> ImageDict:
    """An image of Glance as the dictionary Nova works on; structured properties become lists.

    ``nova/image/glance.py: _translate_from_glance``. Text that is no JSON stays as it is: the checks refuse it.
    """
    properties = dict(image.get("properties") or {})
    for key in STRUCTURED:
        if isinstance(properties.get(key), str):
            properties[key] = parsed_json(properties[key])
    return {**image, "properties": properties}


def least_disk(image: Mapping[str, Any], flavor: RootDisk) -> int:
    """Never less than the flavor has: a snapshot must not boot on a smaller disk. A vhd has the flavor's size."""
    if image.get("disk_format") == "vhd":
        return flavor.root_gb
    return max(image.get("min_disk") or 0, flavor.root_gb)


def cut(value: str, behaviours: Behaviours) -> str:
    """At most 255 bytes of UTF-8, never half a character; before lp-1425657, 255 characters."""
    if behaviours.has("values-cut-at-bytes"):
        return value.encode()[:VALUE_LIMIT].decode(errors="ignore")
    return value[:VALUE_LIMIT]


def attribute_value(key: str, value: str) -> str | int:
    """A row of an inheritable attribute as the image has it."""
    return whole_number(value) if key in ("min_ram", "min_disk") else value


def whole_number(value: Any) -> int:
    """0 for what is no number."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def parsed_json(text: str) -> Any:
    """The text itself when it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # thousands of brackets are as little a mapping as a broken one
        return text
