"""Bodies of /volumes: create, update; and of all metadata."""

from typing import Any

from pydantic import Field, model_validator

from stackwire.core.attributes import attributes
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.volume.domain.requests import CreateVolumeRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, Named, SizeGb, Text, Uuid

_NOT_SIMULATED = ("consistencygroup_id", "group_id", "backup_id", "source_replica")


class NewVolume(Body):
    """``name``, ``description`` and ``imageRef`` also under their older names."""

    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    size: SizeGb | None = None
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

    def to_request(self, version: tuple[int, int]) -> CreateVolumeRequest:
        """The body of a request of this version. NotSimulated, BadRequest."""
        for name in _NOT_SIMULATED:
            if getattr(self, name) is not None:
                raise NotSimulated(what=f"the creation of a volume with {name}")
        if self.imageRef is not None and self.image_id is not None:
            raise BadRequest("imageRef and image_id are two names for one thing: give one.")
        return CreateVolumeRequest(
            **attributes(self, "size snapshot_id source_volid volume_type availability_zone multiattach"),
            name=self.name if self.name is not None else self.display_name,
            description=self.description if self.description is not None else self.display_description,
            image_id=self.imageRef if self.imageRef is not None else self.image_id,
            metadata=self.metadata or {},
            resolve_boot_snapshot=version >= (3, 46),
        )


class CreateVolumeBody(Body):
    volume: NewVolume
    hints: dict[str, Any] | None = Field(default=None, alias="OS-SCH-HNT:scheduler_hints")


class NamedChanges(Body):
    """What may change of a volume or snapshot."""

    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> "NamedChanges":
        if not self.model_fields_set:
            raise ValueError("nothing to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The columns to change; a field's older name counts where the newer one is absent."""
        given = self.model_dump(exclude_unset=True)
        changes: dict[str, Any] = {}
        for name in ("name", "description"):
            for alias in (f"display_{name}", name):
                if alias in given:
                    changes[name] = given[alias]
        if "metadata" in given:
            changes["metadata"] = given["metadata"] or {}
        return changes


class UpdateVolumeBody(Body):
    volume: NamedChanges


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: Metadata
