"""Bodies of /volumes/{id}/action, without the action's name."""

from typing import Any, Literal

from stackwire.core.errors import BadRequest
from stackwire.volume.domain.requests import AttachVolumeRequest, UploadImageRequest
from stackwire.volume.http.schemas.fields import Body, Flag, ImageProperties, Named, SizeGb, Text, Uuid


class ExtendAction(Body):
    new_size: SizeGb


class BootableAction(Body):
    bootable: Flag


class ReadonlyAction(Body):
    readonly: Flag


class ResetStatusAction(Body):
    status: Text | None = None
    attach_status: Text | None = None
    migration_status: Text | None = None


class UploadAction(Body):
    """``visibility`` and ``protected``: from 3.1."""

    image_name: Named
    force: Flag = False
    disk_format: Literal["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"] = "raw"
    container_format: Literal["bare", "ami", "ari", "aki", "ovf", "ova", "docker", "compressed"] = "bare"
    visibility: Literal["community", "public", "private", "shared"] | None = None
    protected: Flag | None = None

    def to_request(self, version: tuple[int, int]) -> UploadImageRequest:
        """The body of a request of this version; BadRequest for fields it does not know."""
        visibility: str | None = self.visibility or "private"
        if version < (3, 1):
            if self.model_fields_set & {"visibility", "protected"}:
                raise BadRequest("visibility and protected need version 3.1.")
            visibility = None
        return UploadImageRequest(
            name=self.image_name,
            disk_format=self.disk_format,
            container_format=self.container_format,
            visibility=visibility,
            protected=bool(self.protected),
        )


class SetImageMetadataAction(Body):
    metadata: ImageProperties


class UnsetImageMetadataAction(Body):
    key: Named


class ReimageAction(Body):
    image_id: Uuid
    reimage_reserved: Flag = False


class AttachAction(Body):
    instance_uuid: Uuid | None = None
    host_name: Named | None = None
    mountpoint: Named
    mode: Literal["rw", "ro"] = "rw"

    def to_request(self) -> AttachVolumeRequest:
        """BadRequest unless it names a server or a host."""
        if self.instance_uuid is None and self.host_name is None:
            raise BadRequest("Give one of instance_uuid and host_name.")
        return AttachVolumeRequest(**self.model_dump())


class DetachAction(Body):
    attachment_id: Uuid | None = None


class ForceDetachAction(DetachAction):
    connector: str | dict[str, Any] | None = None


class ConnectorAction(Body):
    connector: dict[str, Any]


class TerminateAction(Body):
    """A host that is gone may be named, described or unknown: there is nothing to disconnect."""

    connector: str | dict[str, Any] | None
