"""Bodies of /volumes/{id}/action, without the action's name."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool

from stackwire.contracts.volume import InvalidInput
from stackwire.core.errors import BadRequest
from stackwire.volume.domain.errors import InvalidHost
from stackwire.volume.domain.requests import AttachVolumeRequest, UploadImageRequest
from stackwire.volume.http.schemas.fields import Body, Flag, ImageProperties, Named, SizeGb, Text, Uuid


class ExtendAction(Body):
    new_size: SizeGb


class ExtendCompletionAction(Body):
    error: str | StrictBool | None = None


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


class RetypeAction(Body):
    """``migration_policy`` cannot be null (``cinder/api/schemas/volume_actions.py: retype``)."""

    new_type: str
    migration_policy: Literal["on-demand", "never"] = "never"


class MigrateAction(Body):
    """``cluster``, and that ``host`` may be null: from 3.16."""

    host: Annotated[str, Field(max_length=255)] | None = None
    force_host_copy: Flag = False
    lock_volume: Flag = False
    cluster: Text | None = None

    def to_host(self, version: tuple[int, int]) -> str:
        """The host, or a cluster, of which there are none. BadRequest, InvalidInput, InvalidHost."""
        if version < (3, 16):
            if "cluster" in self.model_fields_set or not isinstance(self.host, str):
                raise BadRequest("Invalid input for field/attribute os-migrate_volume.")
            if not self.host:
                raise InvalidInput(reason="Host field is missing.")
        elif bool(self.cluster) == bool(self.host):
            raise InvalidInput(reason="One and only one of cluster and host must be set.")
        elif self.cluster:
            raise InvalidHost(reason=f"No available service named '{self.cluster}'")
        return self.host or ""


class MigrateCompletionAction(Body):
    new_volume: Uuid
    error: str | StrictBool | None = None


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
