"""Bodies of /volumes/{id}/action, without the action's name."""

from typing import Any, Literal

from pydantic import ConfigDict

from stackwire.core.errors import BadRequest
from stackwire.volume.domain.requests import AttachVolumeRequest, UploadImageRequest
from stackwire.volume.http.schemas.fields import Body, Flag, ImageProperties, Named, SizeGb, Text, Uuid


class ExtendAction(Body):
    new_size: SizeGb


class ExtendCompletionAction(Body):
    error: str | bool | None = None


class BootableAction(Body):
    bootable: Flag


class ReadonlyAction(Body):
    readonly: Flag


class ResetStatusAction(Body):
    status: str | None = None
    attach_status: str | None = None
    migration_status: str | None = None

    def changes(self) -> dict[str, str]:
        """What is given, in small letters."""
        return {name: value.lower() for name, value in self if value}


class UploadAction(Body):
    """``visibility`` and ``protected``: from 3.1."""

    image_name: Named
    force: Flag = False
    disk_format: Literal["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"] = "raw"
    container_format: Literal["bare", "ami", "ari", "aki", "ovf", "ova", "docker", "compressed"] | None = "bare"
    visibility: Literal["community", "public", "private", "shared"] = "private"
    protected: Flag = False

    def to_request(self, version: tuple[int, int]) -> UploadImageRequest:
        """The body of a request of this version; BadRequest for fields it does not know."""
        if version < (3, 1) and self.model_fields_set & {"visibility", "protected"}:
            raise BadRequest("visibility and protected need version 3.1.")
        return UploadImageRequest(
            name=self.image_name,
            disk_format=self.disk_format,
            container_format=self.container_format,
            visibility=None if version < (3, 1) else self.visibility,
            protected=self.protected,
        )


class SetImageMetadataAction(Body):
    metadata: ImageProperties


class UnsetImageMetadataAction(Body):
    key: Named


class ReimageAction(Body):
    image_id: Uuid
    reimage_reserved: Flag = False


class RevertAction(Body):
    """Other keys are ignored."""

    model_config = ConfigDict(extra="ignore")

    snapshot_id: str | None = None


class AttachAction(Body):
    """``cinder/api/schemas/volume_actions.py: attach``."""

    instance_uuid: Uuid = ""
    host_name: Text = ""
    mountpoint: Named
    mode: Literal["rw", "ro"] = "rw"

    def to_request(self) -> AttachVolumeRequest:
        """BadRequest unless it names a server or a host."""
        if not self.instance_uuid and not self.host_name:
            raise BadRequest("One of instance_uuid and host_name is required.")
        return AttachVolumeRequest(
            instance_uuid=self.instance_uuid or None,
            host_name=self.host_name or None,
            mountpoint=self.mountpoint,
            mode=self.mode,
        )


class DetachAction(Body):
    attachment_id: Uuid | None = None


class ForceDetachAction(Body):
    attachment_id: str | None = None
    connector: str | dict[str, Any] | None = None


class ConnectorAction(Body):
    connector: dict[str, Any]


class TerminateAction(Body):
    """A host that is gone may be named, described or unknown: there is nothing to disconnect."""

    connector: str | dict[str, Any] | None
