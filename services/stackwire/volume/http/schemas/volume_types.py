"""Bodies of /types: create, update, extra specs, access; and of quota sets."""

from typing import Annotated, Any

from pydantic import Field

from stackwire.volume.domain.requests import CreateVolumeTypeRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, Named, Text


class NewVolumeType(Body):
    name: Named
    description: Text | None = None
    is_public: Flag = Field(default=True, alias="os-volume-type-access:is_public")
    extra_specs: Metadata = {}

    def to_request(self) -> CreateVolumeTypeRequest:
        """The body as a request."""
        return CreateVolumeTypeRequest(
            name=self.name, description=self.description, is_public=self.is_public, extra_specs=self.extra_specs
        )


class CreateVolumeTypeBody(Body):
    volume_type: NewVolumeType


class VolumeTypeChanges(Body):
    name: Named | None = None
    description: Text | None = None
    is_public: Flag | None = None


class UpdateVolumeTypeBody(Body):
    volume_type: VolumeTypeChanges


class ExtraSpecsBody(Body):
    extra_specs: Annotated[Metadata, Field(min_length=1)]


class ProjectAccessAction(Body):
    project: Named


class QuotaSetBody(Body):
    quota_set: dict[str, Any]


class QuotaClassSetBody(Body):
    quota_class_set: dict[str, Any]
