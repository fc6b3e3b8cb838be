"""How image properties travel through the compute service: image or volume -> server -> snapshot image, and rebuild.

Constants first, they are the rules; then pure functions, ``Mapping`` in, new ``dict`` out. Two shapes appear:

* an *image dictionary*, the form in which Nova passes an image on: ``id name status size min_ram min_disk
  disk_format container_format ...`` at the top (integers where Glance has integers, ``size`` in bytes), custom
  properties as text under ``properties``;
* *rows* of ``instance_system_metadata``: flat text to text. What the image brought carries the prefix ``image_``,
  what the server has from elsewhere (``owner_user_name``, ``boot_roles``, ``shelved_at``) carries none.

A name whose prefixed form would not fit the 255 characters of the key column is left behind: MySQL cut it silently,
PostgreSQL refuses the row. The hypervisor's defaults (``hw_machine_type``, ``hw_video_model``, ...) are not written
back: the recorded cloud's driver wrote none, so no client sees them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain import image_props
from stackwire.compute.domain import travel_values as values
from stackwire.compute.domain.names import names
from stackwire.compute.domain.travel_values import Bootable, ImageDict, RootDisk, Rows
from stackwire.core.behaviours import Behaviours
from stackwire.core.rules import rule

PREFIX = values.PREFIX
KEY_LIMIT = 255

# nova/utils.py: SM_INHERITABLE_KEYS; these live beside the properties in an image, and among them in the rows
INHERITABLE = ("min_ram", "min_disk", "disk_format", "container_format")
# nova/utils.py: SM_SKIP_KEYS; lists, which no row can hold
NOT_STORED = frozenset({"mappings", "block_device_mapping", "img_mappings", "img_block_device_mapping"})
# nova/block_device.py: properties_root_image_metadata; what Cinder wrote beside the custom properties
VOLUME_BASE_KEYS = frozenset(
    {"image_id", "image_name", "size", "checksum", "container_format", "disk_format", "min_ram", "min_disk"}
)
# of these, the attributes of an image itself: a property of such a name was kept by Glance's v1 API and is in no view;
# v2 refuses to create it
HIDDEN_BY_ATTRIBUTES = VOLUME_BASE_KEYS - {"image_id", "image_name"}
# nova/conf: non_inheritable_image_properties, its default
NON_INHERITABLE = frozenset({"cache_in_nova", "bittorrent"})
# nova/compute/utils.py: NON_INHERITABLE_IMAGE_PROPERTIES (lp-1852106): true of one image's bytes only
ABSOLUTE_NON_INHERITABLE = frozenset(
    names(
        "cinder_encryption_key_id cinder_encryption_key_deletion_policy"
        " img_signature img_signature_hash_method img_signature_key_type img_signature_certificate_uuid"
    )
)
RESERVED_PREFIX = "os_glance"
# what describes a volume-backed snapshot itself, never inherited from the image behind it
SNAPSHOT_LAYOUT = ("block_device_mapping", "bdm_v2", "root_device_name")
GIBIBYTE = 1024**3


def flat(image: Mapping[str, Any]) -> dict[str, Any]:
    """The properties and the inheritable attributes of an image dictionary side by side."""
    attributes = {key: image[key] for key in INHERITABLE if image.get(key) is not None}
    return {**(image.get("properties") or {}), **attributes}


# ---- image or volume -> image dictionary


def image_meta_from_volume(volume: Mapping[str, Any], behaviours: Behaviours) -> ImageDict:
    """What a bootable volume has of the image it was created from; three generations of the same lookup.

    ``volume`` needs ``size`` (GiB) and ``volume_image_metadata`` (text to text). 2014.1 returned nothing but the
    properties, all of them; its maintenance branch gave the figures their place but left them among the properties
    too; since then the base keys are taken out (``nova/block_device.py: get_bdm_image_metadata``).
    """
    properties = dict(volume.get("volume_image_metadata") or {})
    if not behaviours.has("bdm-lookup-returns-image-meta"):
        return {"properties": properties}
    figures = {key: values.whole_number(properties.get(key)) for key in ("min_ram", "min_disk")}
    if behaviours.has("bdm-lookup-drops-base-keys"):
        properties = {key: value for key, value in properties.items() if key not in VOLUME_BASE_KEYS}
    return {"properties": properties, "size": volume["size"] * GIBIBYTE, **figures, "status": "active"}


# ---- image dictionary -> server


def system_metadata(image: Mapping[str, Any], flavor: RootDisk, behaviours: Behaviours) -> Rows:
    """The ``image_*`` rows an image leaves on a server: every property, and the four inheritable attributes.

    A null property becomes the text ``None``. ``nova/utils.py: get_system_metadata_from_image``.
    """
    stored = {key: value for key, value in (image.get("properties") or {}).items() if key not in NOT_STORED}
    for key in INHERITABLE:
        value = values.least_disk(image, flavor) if key == "min_disk" else image.get(key)
        if value is not None:
            stored[key] = value
    rows = {PREFIX + key: values.cut(str(value), behaviours) for key, value in stored.items()}
    return {key: value for key, value in rows.items() if len(key) <= KEY_LIMIT}


@rule("compute.at_create", source="nova/utils.py: get_system_metadata_from_image", prefix=PREFIX, before=flat)
def at_create(
    image: Mapping[str, Any],
    flavor: RootDisk,
    behaviours: Behaviours,
    *,
    image_ref: str,
    user_name: str | None,
    project_name: str | None,
) -> Rows:
    """All rows a new server starts with; ``image_ref`` is empty for a server without an image of its own.

    An image that already knows its base keeps it. ``nova/compute/api.py: _populate_instance_for_create``.
    """
    rows = system_metadata(image, flavor, behaviours)
    rows.setdefault(PREFIX + "base_image_ref", image_ref)
    owner = {"owner_user_name": user_name, "owner_project_name": project_name}
    return rows | {key: values.cut(value, behaviours) for key, value in owner.items() if value is not None}


def instance_columns(image: Mapping[str, Any]) -> dict[str, Any]:
    """What of an image becomes a column of the server itself: ``os_type architecture vm_mode auto_disk_config``."""
    properties = image.get("properties") or {}
    columns: dict[str, Any] = {key: properties.get(key) for key in ("os_type", "architecture", "vm_mode")}
    columns["auto_disk_config"] = image_props.flag(properties.get("auto_disk_config"))
    return columns


@rule("compute.rebuilt", source="nova/compute/api.py: _reset_image_metadata", prefix=PREFIX, before=flat)
def rebuilt(
    image: Mapping[str, Any], rows: Mapping[str, str], flavor: RootDisk, image_id: str, behaviours: Behaviours
) -> Rows:
    """The rows after a rebuild: all ``image_*`` of old gone, the new image's written, the rest as it was.

    Whether the server's base is named again is what lp-1893618 was about: it is the new image, even when that image
    names another base. ``nova/compute/api.py: _reset_image_metadata``.
    """
    kept = {key: value for key, value in rows.items() if not key.startswith(PREFIX)}
    fresh = system_metadata(image, flavor, behaviours)
    if behaviours.has("rebuild-keeps-base-image-ref"):
        fresh[PREFIX + "base_image_ref"] = image_id
    return fresh | kept


@rule("compute.moved", source="nova/compute/api.py: resize")
def moved(rows: Mapping[str, str], image_ref: str, behaviours: Behaviours) -> Rows:
    """The rows of a server that is resized, migrated or shelved: its base is its own image from then on (lp-1893618).

    What the image said instead is lost, and a revert does not bring it back.
    """
    own = {PREFIX + "base_image_ref": image_ref} if behaviours.has("rebuild-keeps-base-image-ref") else {}
    return {**rows, **own}


@rule("compute.rescued", source="nova/compute/manager.py: rescue_instance")
def rescued(rows: Mapping[str, str]) -> Rows:
    """The rows of a server that boots another image for a while: its own, whatever that image has."""
    return dict(rows)


@rule("compute.evacuated", source="nova/compute/manager.py: rebuild_instance")
def evacuated(rows: Mapping[str, str]) -> Rows:
    """The rows of a server that is built again on another host, of its image or its volumes: the same."""
    return dict(rows)


# ---- server -> image dictionary


def image_meta(rows: Mapping[str, str | None], behaviours: Behaviours) -> ImageDict:
    """The way back: rows to an image dictionary; rows without the prefix become properties too.

    On a server grown from a snapshot both ``image_boot_roles`` and ``boot_roles`` claim one name. The server's own
    value wins; before, that of the last row did. ``nova/utils.py: get_image_from_system_metadata``.
    """
    found = {key: value for key, value in rows.items() if value is not None}
    if behaviours.has("current-identity-wins"):  # the last of two with one name wins: put the server's own last
        found = dict(sorted(found.items(), key=lambda row: not row[0].startswith(PREFIX)))
    named = {key.removeprefix(PREFIX): value for key, value in found.items()}
    attributes: ImageDict = {key: values.attribute_value(key, named[key]) for key in INHERITABLE if key in named}
    properties = {key: value for key, value in named.items() if key not in INHERITABLE and key not in NOT_STORED}
    return {**attributes, "properties": properties}


def inheritable(properties: Mapping[str, Any], behaviours: Behaviours) -> dict[str, Any]:
    """The properties a snapshot may inherit: not those of one image's bytes, not Glance's own."""
    barred = NON_INHERITABLE
    absolute = behaviours.has("snapshot-drops-absolute-non-inheritables")
    if absolute:
        barred = barred | ABSOLUTE_NON_INHERITABLE
    return {
        key: value
        for key, value in properties.items()
        if key not in barred and not (absolute and key.startswith(RESERVED_PREFIX))
    }


@rule("compute.snapshot_image", source="nova/compute/utils.py: create_image", prefix=f"-{PREFIX}", after=flat)
def snapshot_image(
    rows: Mapping[str, str],
    server: Bootable,
    name: str,
    extra: Mapping[str, str],
    behaviours: Behaviours,
    *,
    user_id: str,
    project_id: str,
    image_type: str = "snapshot",
    current: Mapping[str, str] | None = None,
) -> ImageDict:
    """The image to create for a snapshot of an image-backed server, before it has bytes.

    ``user_id`` and ``project_id`` are the caller's, ``extra`` the caller's own properties, which win. ``current`` are
    the rows today's image would leave, which Icehouse let win over the server's own. The result carries ``member``
    (the server's project) when somebody else's project takes the snapshot. ``nova/compute/utils.py: create_image``.
    """
    identity = {"instance_uuid": server.uuid, "user_id": user_id, "image_type": image_type}
    base = dict(rows)
    if current and not behaviours.has("snapshot-from-instance-metadata-only"):
        base |= current
    image = _inherited(server, image_meta(base, behaviours), name, behaviours, project_id)
    image["properties"] |= {**identity, **extra}
    if image_type == "snapshot":  # the driver sets the format it wrote
        image.pop("disk_format", None)
        image.pop("container_format", None)
    return image


@rule(
    "compute.volume_snapshot_image",
    source="nova/compute/api.py: snapshot_volume_backed",
    prefix=f"-{PREFIX}",
    after=flat,
)
def volume_snapshot_image(
    rows: Mapping[str, str],
    server: Bootable,
    name: str,
    extra: Mapping[str, str],
    mapping: Sequence[Mapping[str, Any]],
    behaviours: Behaviours,
    *,
    project_id: str,
    current: Mapping[str, Any] | None = None,
    rooted: bool = False,
) -> ImageDict:
    """The image that stands for a volume-backed server: no bytes, only how to create its volumes again.

    ``rooted``: its data is the root's snapshot, and ``mapping`` the other devices, listed even when there are none. It
    does not carry the identity trio of an image-backed snapshot. ``current`` is the image dictionary of the root
    volume (or of the server's image) as it is now, which is all Icehouse looked at.
    ``nova/compute/api.py: snapshot_volume_backed``.
    """
    source = image_meta(rows, behaviours)
    if current is not None and not behaviours.has("snapshot-from-instance-metadata-only"):
        source = {**current, "properties": dict(current.get("properties") or {})}
    if not behaviours.has("volume-snapshot-keeps-min-ram"):
        source.pop("min_ram", None)
    image = _inherited(server, source, name, behaviours, project_id)
    dropped = HIDDEN_BY_ATTRIBUTES.union(SNAPSHOT_LAYOUT)
    kept = {key: value for key, value in image["properties"].items() if key not in dropped}
    if server.root_device_name:
        kept["root_device_name"] = server.root_device_name
    if mapping or rooted:
        kept |= {"block_device_mapping": json.dumps([dict(entry) for entry in mapping]), "bdm_v2": "True"}
    return {**image, "size": 0, "disk_format": "raw", "container_format": "bare", "properties": {**kept, **extra}}


@rule(
    "compute.uploaded_snapshot",
    source="nova/virt/libvirt/driver.py: _create_snapshot_metadata",
    prefix=f"-{PREFIX}",
    after=flat,
    partial=True,
)
def uploaded_snapshot(rows: Mapping[str, str], server: Bootable, disk_format: str) -> ImageDict:
    """What the host adds to the snapshot image when it has the bytes: formats and where the image is from.

    ``nova/virt/libvirt/driver.py: _create_snapshot_metadata``; kernel and ramdisk only when the server has them.
    """
    columns = {"kernel_id": server.kernel_id, "ramdisk_id": server.ramdisk_id, "os_type": server.os_type}
    properties = {"image_location": "snapshot", "image_state": "available", "owner_id": server.project_id}
    properties |= {key: value for key, value in columns.items() if value}
    container = rows.get(PREFIX + "container_format") or "bare"
    return {"disk_format": disk_format, "container_format": container, "properties": properties}


@rule("compute.guest", source="nova/virt/libvirt/driver.py: _get_guest_config", prefix=f"-{PREFIX}")
def guest(rows: Mapping[str, str], used: Mapping[str, str]) -> Rows:
    """Of a server's rows those that shaped its guest; ``used``: the properties its definition was made of."""
    return dict(used)


def _inherited(
    server: Bootable, source: Mapping[str, Any], name: str, behaviours: Behaviours, project_id: str
) -> ImageDict:
    image = {key: source[key] for key in INHERITABLE if source.get(key) is not None}
    image |= {"name": name, "visibility": "private", "properties": inheritable(source["properties"], behaviours)}
    if project_id != server.project_id and behaviours.has("snapshots-are-shared-with-the-owner"):
        image |= {"visibility": "shared", "member": server.project_id}
    return image
