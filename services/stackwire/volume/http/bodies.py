"""What the volume API takes: one model for each body. What is not in it is refused."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.sizes import LARGEST

_KEY = re.compile(r"[a-zA-Z0-9\-_:. /]{1,255}")
_TRUE = {"1", "t", "true", "on", "y", "yes"}
_FALSE = {"0", "f", "false", "off", "n", "no"}


def _number(value: object) -> object:
    """An integer, or its digits as text, as the original's schema takes it."""
    if isinstance(value, bool | float):
        raise ValueError("must be an integer")
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise ValueError("must be an integer")
        return int(value)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value.strip().lower() in _TRUE:
            return True
        if value.strip().lower() in _FALSE:
            return False
    if not isinstance(value, bool):
        raise ValueError("must be a boolean")
    return value


def _uuid(value: object) -> object:
    found = canonical_uuid(value)
    if found is None:
        raise ValueError("must be a uuid")
    return found


def _keys(value: object) -> object:
    if isinstance(value, dict) and not all(isinstance(key, str) and _KEY.fullmatch(key) for key in value):
        raise ValueError("keys must match ^[a-zA-Z0-9-_:. /]{1,255}$")
    return value


def _bytes(value: str) -> str:
    if len(value.encode()) > 65535:
        raise ValueError("must be at most 65535 bytes long")
    return value


Text = Annotated[str, StringConstraints(max_length=255)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Gibibytes = Annotated[int, BeforeValidator(_number), Field(ge=1, le=LARGEST)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Uuid = Annotated[str, BeforeValidator(_uuid)]
Metadata = Annotated[dict[str, Text], BeforeValidator(_keys)]
ImageProperties = Annotated[
    dict[
        str, Annotated[str, Field(max_length=65535), BeforeValidator(lambda v: _bytes(v) if isinstance(v, str) else v)]
    ],
    BeforeValidator(_keys),
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewVolume(Body):
    """``name`` and ``description`` also under their older names."""

    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    size: Gibibytes | None = None
    imageRef: Named | None = None
    image_id: Named | None = None
    snapshot_id: Uuid | None = None
    source_volid: Uuid | None = None
    volume_type: Text | None = None
    availability_zone: Text | None = None
    metadata: Metadata | None = None
    multiattach: Flag = False
    consistencygroup_id: Any = None
    group_id: Any = None
    backup_id: Any = None
    source_replica: Any = None


class CreateVolume(Body):
    volume: NewVolume
    hints: dict[str, Any] | None = Field(default=None, alias="OS-SCH-HNT:scheduler_hints")


class VolumeChange(Body):
    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _something(self) -> "VolumeChange":
        if not self.model_fields_set:
            raise ValueError("nothing to change")
        return self


class UpdateVolume(Body):
    volume: VolumeChange


class UpdateSnapshot(Body):
    snapshot: VolumeChange


class NewSnapshot(Body):
    volume_id: Uuid
    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    metadata: Metadata | None = None
    force: Flag | None = None


class CreateSnapshot(Body):
    snapshot: NewSnapshot


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: Metadata


class NewAttachment(Body):
    volume_uuid: Uuid
    instance_uuid: Uuid | None = None
    connector: dict[str, Any] | None = None
    mode: Literal["rw", "ro"] | None = None


class CreateAttachment(Body):
    attachment: NewAttachment


class AttachmentChange(Body):
    connector: Annotated[dict[str, Any], Field(min_length=1)]


class UpdateAttachment(Body):
    attachment: AttachmentChange


class ExtendAction(Body):
    new_size: Gibibytes


class BootableAction(Body):
    bootable: Flag


class ReadonlyAction(Body):
    readonly: Flag


class ResetAction(Body):
    status: Text | None = None
    attach_status: Text | None = None
    migration_status: Text | None = None


class ResetSnapshotAction(Body):
    status: Text


class UploadAction(Body):
    """``visibility`` and ``protected``: from 3.1."""

    image_name: Named
    force: Flag = False
    disk_format: Literal["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"] = "raw"
    container_format: Literal["bare", "ami", "ari", "aki", "ovf", "ova", "docker", "compressed"] = "bare"
    visibility: Literal["community", "public", "private", "shared"] | None = None
    protected: Flag | None = None


class SetImageMetadata(Body):
    metadata: ImageProperties


class UnsetImageMetadata(Body):
    key: Named


class ReimageAction(Body):
    image_id: Uuid
    reimage_reserved: Flag = False


class AttachAction(Body):
    instance_uuid: Uuid | None = None
    host_name: Named | None = None
    mountpoint: Named
    mode: Literal["rw", "ro"] = "rw"


class DetachAction(Body):
    attachment_id: Uuid | None = None
    connector: dict[str, Any] | None = None


class ConnectorAction(Body):
    connector: dict[str, Any]


class NewType(Body):
    name: Named
    description: Text | None = None
    is_public: Flag = Field(default=True, alias="os-volume-type-access:is_public")
    extra_specs: Metadata = {}


class CreateType(Body):
    volume_type: NewType


class TypeChange(Body):
    name: Named | None = None
    description: Text | None = None
    is_public: Flag | None = None


class UpdateType(Body):
    volume_type: TypeChange


class ExtraSpecs(Body):
    extra_specs: Annotated[Metadata, Field(min_length=1)]


class ProjectAccess(Body):
    project: Named


class QuotaSet(Body):
    quota_set: dict[str, Any]
