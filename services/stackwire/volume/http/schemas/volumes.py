"""Bodies of /volumes: create, update; and of all metadata."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from stackwire.core.attributes import attributes
from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.errors import BackupNotFound
from stackwire.volume.domain.requests import CreateVolumeRequest
from stackwire.volume.http.schemas.fields import (
    Body,
    Flag,
    Metadata,
    Named,
    SizeGb,
    SnapshotMetadata,
    Stripped,
    Text,
    Uuid,
    unlike_each_other,
)


class NewVolume(Body):
    """``name``, ``description`` and ``imageRef`` also under their older names. Other fields are ignored until 3.53.

    ``cinder/api/schemas/volumes.py``: ``group_id`` is checked from 3.13, ``backup_id`` from 3.47.
    """

    model_config = ConfigDict(extra="allow")

    name: Stripped | None = None
    display_name: Stripped | None = None
    description: Stripped | None = None
    display_description: Stripped | None = None
    size: SizeGb | None = None
    imageRef: Text | None = None
    image_id: Text | None = None
    snapshot_id: Uuid | None = None
    source_volid: Uuid | None = None
    volume_type: Text | None = None
    availability_zone: Named | None = None
    metadata: Metadata | None = None
    multiattach: Flag = False
    consistencygroup_id: Uuid | None = None
    group_id: Any = None
    backup_id: Any = None

    def to_request(self, version: tuple[int, int], hints: dict[str, Any] | None) -> CreateVolumeRequest:
        """The body of a request of this version. BadRequest, BackupNotFound."""
        self._check_version(version)
        group_id = self.consistencygroup_id if self.group_id is None else str(self.group_id)
        backup_id = canonical_uuid(self.backup_id) if self.backup_id else None
        if self.backup_id and backup_id is None:
            raise BackupNotFound(backup_id=str(self.backup_id)[:255])
        if self.multiattach:
            raise BadRequest("Whether a volume is multiattach is set by its type, not by a parameter.")
        return CreateVolumeRequest(
            **attributes(self, "size snapshot_id source_volid volume_type availability_zone"),
            name=self._newest("name", "display_name"),
            description=self._newest("description", "display_description"),
            image_id=self._newest("image_id", "imageRef"),
            backup_id=backup_id,
            group_id=None if group_id is None else canonical_uuid(group_id) or group_id,
            metadata=self.metadata or {},
            scheduler_hints=hints or {},
            resolve_boot_snapshot=version >= (3, 46),
        )

    def _newest(self, name: str, older: str) -> Any:
        return getattr(self, name if name in self.model_fields_set else older)

    def _check_version(self, version: tuple[int, int]) -> None:
        if version >= (3, 53) and self.model_extra:
            raise BadRequest(f"Additional properties are not allowed ('{next(iter(self.model_extra))}' was unexpected)")
        group, backup = self.group_id, self.backup_id
        if version >= (3, 13) and not (group is None or (isinstance(group, str) and len(group) <= 255)):
            raise BadRequest("Invalid input for field/attribute group_id.")
        if version >= (3, 47) and backup is not None and canonical_uuid(backup) is None:
            raise BadRequest("Invalid input for field/attribute backup_id.")


Volumes = Uuid | Annotated[list[Uuid], AfterValidator(unlike_each_other)]


class SchedulerHints(Body):
    """``cinder/api/schemas/scheduler_hints.py``. Other hints are passed on too."""

    model_config = ConfigDict(extra="allow")

    local_to_instance: Uuid | None = None
    different_host: Volumes = ""
    same_host: Volumes = ""
    query: str | dict[str, Any] = ""


class CreateVolumeBody(Body):
    volume: NewVolume
    hints: SchedulerHints | None = Field(default=None, alias="OS-SCH-HNT:scheduler_hints")

    def to_request(self, version: tuple[int, int]) -> CreateVolumeRequest:
        """The body of a request of this version. BadRequest, BackupNotFound."""
        hints = None if self.hints is None else self.hints.model_dump(exclude_unset=True)
        return self.volume.to_request(version, hints)


class NamedChanges(Body):
    """What may change of a snapshot; a field's older name counts where the newer one is absent."""

    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None

    def changes(self) -> dict[str, Any]:
        """The columns to change."""
        given = self.model_dump(exclude_unset=True)
        older = {name.removeprefix("display_"): value for name, value in given.items() if name.startswith("display_")}
        return older | {name: value for name, value in given.items() if not name.startswith("display_")}


class VolumeChanges(NamedChanges):
    name: Stripped | None = None
    display_name: Stripped | None = None
    description: Stripped | None = None
    display_description: Stripped | None = None
    metadata: Metadata = {}


class UpdateVolumeBody(Body):
    volume: VolumeChanges

    def changes(self, version: tuple[int, int]) -> dict[str, Any]:
        """The columns to change; BadRequest when there are none, from 3.53 on."""
        if version >= (3, 53) and not self.volume.model_fields_set:
            raise BadRequest("There is nothing to change.")
        return self.volume.changes()


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: Metadata


class SnapshotMetadataBody(Body):
    """Other keys are ignored (``cinder/api/schemas/snapshot_metadata.py``)."""

    model_config = ConfigDict(extra="ignore")

    metadata: SnapshotMetadata


class SnapshotMetaBody(Body):
    model_config = ConfigDict(extra="ignore")

    meta: SnapshotMetadata
