"""Bodies of /types: create, update, extra specs, access; and of quota sets."""

from typing import Any

from pydantic import ConfigDict, Field

from stackwire.volume.domain.requests import CreateVolumeTypeRequest
from stackwire.volume.http.schemas.fields import Body, ExtraSpecs, Flag, Named, NewExtraSpecs, NotBlank, Printable


class NewVolumeType(Body):
    name: NotBlank
    description: Printable | None = None
    is_public: Flag = Field(default=True, alias="os-volume-type-access:is_public")
    extra_specs: NewExtraSpecs = {}

    def to_request(self) -> CreateVolumeTypeRequest:
        """The body as a request."""
        return CreateVolumeTypeRequest(
            name=self.name, description=self.description, is_public=self.is_public, extra_specs=self.extra_specs
        )


class CreateVolumeTypeBody(Body):
    volume_type: NewVolumeType


class VolumeTypeChanges(Body):
    name: NotBlank | None = None
    description: Printable | None = None
    is_public: Flag = True


class UpdateVolumeTypeBody(Body):
    volume_type: VolumeTypeChanges


class ExtraSpecsBody(Body):
    extra_specs: ExtraSpecs


class DefaultType(Body):
    volume_type: Named


class DefaultTypeBody(Body):
    """Other keys are ignored."""

    model_config = ConfigDict(extra="ignore")

    default_type: DefaultType


class ProjectAccessAction(Body):
    project: Named


class QuotaSetBody(Body):
    quota_set: dict[str, Any]


class QuotaClassSetBody(Body):
    quota_class_set: dict[str, Any]
