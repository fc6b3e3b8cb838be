"""How image properties travel by the volume service: image -> volume -> snapshot, clone, backup; to image.

Constants first, they are the rules; then pure functions that take a ``Mapping`` and return a new ``dict``. *Rows* are
what ``volume_glance_metadata`` holds: flat text to text, one row a key. They hold core attributes and custom properties
side by side, so a core attribute wins over a property of its name.
"""

from collections.abc import Mapping
from typing import Protocol

from stackwire.core.behaviours import Behaviours
from stackwire.core.rules import rule
from stackwire.volume.domain.model import FIXED_KEY

# cinder/volume/volume_utils.py: get_volume_image_metadata; attributes that become rows beside the properties
IMAGE_ATTRIBUTES = ("checksum", "container_format", "disk_format", "min_disk", "min_ram", "size")
# cinder/image: verify_glance_image_signature; written by the download only
SIGNATURE_VERIFIED = "signature_verified"
SIGNATURE_PROPERTIES = frozenset(
    {"img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid"}
)
# cinder.conf: glance_core_properties, its default; an uploaded image has its own and never inherits them
CORE_KEYS = frozenset(
    {"checksum", "container_format", "disk_format", "image_name", "image_id", "min_disk", "min_ram", "name", "size"}
)
# cinder/image/image_utils.py: filter_out_reserved_namespaces_metadata; by the behaviour that introduced it
RESERVED_PREFIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("upload-drops-reserved-keys", ("os_glance",)),
    ("upload-drops-signature-verified", ("img_signature", "signature_verified")),
)
# cinder/image/glance.py: GlanceClientWrapper.call takes these as arguments of its own; by the behaviour that took them
CLIENT_ARGUMENTS = {
    "store_id": "upload-loses-store-id",
    "base_image_ref": "upload-loses-base-image-ref",
    "privileged_user": "upload-loses-privileged-user",
}
# the same function: names that it cannot be given at all, so that a volume with one cannot be uploaded
NEVER_UPLOADED = frozenset({"self", "context", "method", "controller"})

MAX_VALUE_LENGTH = 255
"""Characters of a value, in the releases that had a limit (cinder/api/schemas/volume_image_metadata.py)."""

Rows = dict[str, str]


class Image(Protocol):
    """What the rules read of an image. ``size`` in bytes, ``min_disk`` in GiB, ``min_ram`` in MiB."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def properties(self) -> Mapping[str, str | None]: ...


def _capture(image: Image, *, signature_verified: bool | None = None) -> Rows:
    """image -> volume: every property that has a value, then the image's own attributes over them.

    ``signature_verified``: the result of the download's verification, None when it is not recorded.
    """
    rows: Rows = {} if signature_verified is None else {SIGNATURE_VERIFIED: str(signature_verified)}
    rows |= {key: value for key, value in image.properties.items() if value is not None}
    core = {"image_id": image.id, "image_name": image.name or None}
    core |= {name: getattr(image, name) for name in IMAGE_ATTRIBUTES}
    return rows | {key: str(value) for key, value in core.items() if value is not None}


capture = rule("volume.capture", source="cinder/volume/volume_utils.py: get_volume_image_metadata")(_capture)
recapture = rule("volume.capture", source="cinder/volume/manager.py: _refresh_volume_glance_meta")(_capture)
"""The same at a reimage, where Cinder does not record the signature's verification."""


@rule("volume.for_snapshot", source="cinder/volume/manager.py: create_snapshot")
def for_snapshot(rows: Mapping[str, str], *, volume_bootable: bool) -> Rows:
    """volume -> snapshot: all or nothing."""
    return dict(rows) if volume_bootable else {}


@rule("volume.from_snapshot", source="cinder/volume/flows/manager/create_volume.py: _create_from_snapshot")
def from_snapshot(rows: Mapping[str, str], *, origin_bootable: bool) -> Rows:
    """snapshot -> volume: the snapshot's own rows, if the volume it was taken from is bootable now."""
    return dict(rows) if origin_bootable else {}


@rule("volume.for_group_snapshot", source="cinder/volume/manager.py: create_group_snapshot")
def for_group_snapshot(rows: Mapping[str, str], *, volume_bootable: bool) -> Rows:
    """volume in a group -> its snapshot, which is taken with all the others: all or nothing."""
    return dict(rows) if volume_bootable else {}


@rule("volume.for_group_member", source="cinder/volume/manager.py: _update_volume_from_src")
def for_group_member(rows: Mapping[str, str], *, source_bootable: bool) -> Rows:
    """volume or snapshot in a group -> volume in a group that is created from it: all or nothing.

    ``source_bootable``: of the volume, or of the volume that the snapshot was taken from, now.
    """
    return dict(rows) if source_bootable else {}


@rule("volume.for_clone", source="cinder/volume/flows/manager/create_volume.py: _create_from_source_volume")
def for_clone(rows: Mapping[str, str], behaviours: Behaviours, *, source_bootable: bool) -> Rows:
    """volume -> volume: all or nothing; before lp-1115634, nothing."""
    return dict(rows) if source_bootable and behaviours.has("clone-keeps-image-metadata") else {}


@rule("volume.for_backup", source="cinder/backup/driver.py: BackupMetadataAPI._save_vol_glance_meta")
def for_backup(rows: Mapping[str, str]) -> Rows:
    """volume -> backup: all rows as they are when it is made."""
    return dict(rows)


@rule("volume.from_backup", source="cinder/backup/driver.py: BackupMetadataAPI._restore_vol_glance_meta")
def from_backup(kept: Mapping[str, str], rows: Mapping[str, str]) -> Rows:
    """backup -> volume: what it keeps, in place of all that the volume had; a backup without any changes nothing."""
    return dict(kept or rows)


def may_be_snapshotted(rows: Mapping[str, str], behaviours: Behaviours, *, volume_bootable: bool) -> bool:
    """Before lp-1413880 a bootable volume without image metadata could not be snapshotted."""
    return bool(rows) or not volume_bootable or behaviours.has("snapshot-needs-no-image-metadata")


def may_be_set(properties: Mapping[str, str], behaviours: Behaviours) -> bool:
    """Before lp-1988942 values were as short as those of any other metadata."""
    longest = max(map(len, properties.values()), default=0)
    return longest <= MAX_VALUE_LENGTH or behaviours.has("image-metadata-of-any-length")


@rule("volume.at_revert", source="cinder/volume/manager.py: revert_to_snapshot")
def at_revert(rows: Mapping[str, str]) -> Rows:
    """volume, reverted to its latest snapshot -> itself: the data goes back, the rows stay as they are now."""
    return dict(rows)


@rule("volume.at_retype", source="cinder/volume/manager.py: retype")
def at_retype(rows: Mapping[str, str]) -> Rows:
    """volume of another type -> itself: the same rows."""
    return dict(rows)


@rule("volume.at_migrate", source="cinder/volume/manager.py: migrate_volume_completion")
def at_migrate(rows: Mapping[str, str]) -> Rows:
    """volume, moved to another back end -> itself: the same rows; its copy never had any."""
    return dict(rows)


@rule("volume.at_transfer", source="cinder/transfer/api.py: accept")
def at_transfer(rows: Mapping[str, str]) -> Rows:
    """volume, given to another project -> itself: the same rows."""
    return dict(rows)


@rule("volume.at_manage", source="cinder/volume/flows/manager/manage_existing.py")
def at_manage(rows: Mapping[str, str]) -> Rows:
    """what is on a back end -> volume, or snapshot: nothing, since nobody knows of which image it is."""
    return {}


@rule("volume.at_unmanage", source="cinder/volume/manager.py: delete_volume")
def at_unmanage(rows: Mapping[str, str]) -> Rows:
    """volume, or snapshot -> what stays on the back end: nothing, the rows are deleted."""
    return {}


@rule("volume.for_image", source="cinder/volume/api.py: _merge_volume_image_meta")
def for_image(rows: Mapping[str, str], requested: Mapping[str, str], behaviours: Behaviours) -> Rows:
    """volume -> new image: the custom properties, never over what the caller requested, never a reserved name.

    ``min_disk`` and ``min_ram`` are core and not inherited.
    """
    if not behaviours.has("upload-inherits-image-metadata"):
        return {}
    refused = tuple(prefix for name, prefixes in RESERVED_PREFIXES if behaviours.has(name) for prefix in prefixes)
    lost = {key for key, name in CLIENT_ARGUMENTS.items() if behaviours.has(name)}
    kept_out = CORE_KEYS | lost | requested.keys()
    return {key: value for key, value in rows.items() if key not in kept_out and not key.startswith(refused)}


KEY_OF_AN_IMAGE = {"cinder_encryption_key_id": FIXED_KEY, "cinder_encryption_key_deletion_policy": "on_image_deletion"}
"""What an image of an encrypted volume has beside, so that a volume of it can be read again
(``cinder/api/contrib/volume_actions.py: _volume_upload_image``)."""


@rule("volume.set_by_client", source="cinder/api/contrib/volume_image_metadata.py: create")
def set_by_client(rows: Mapping[str, str], properties: Mapping[str, str]) -> Rows:
    """client -> volume: these over the existing ones; nothing is removed."""
    return {**rows, **properties}


@rule("volume.unset_by_client", source="cinder/api/contrib/volume_image_metadata.py: delete")
def unset_by_client(rows: Mapping[str, str], key: str) -> Rows:
    """client -> volume: all but one."""
    return {name: value for name, value in rows.items() if name != key}


def signature_outcome(properties: Mapping[str, str | None]) -> bool | None:
    """False: the image is not signed, as most are. None: signed in part or in full, which needs a verification
    (``cinder/image/image_utils.py: verify_glance_image_signature``)."""
    return None if SIGNATURE_PROPERTIES & {key for key, value in properties.items() if value is not None} else False
