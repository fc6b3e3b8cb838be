"""The bodies of ``/flavors`` and what is below it. ``nova/api/openstack/compute/schemas/flavors.py``."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from stackwire.compute.http.schemas.fields import Body, Flag, Name, Number, ShortNotEmpty, printable
from stackwire.core.errors import BadRequest

_ID = re.compile(r"(?! )[a-zA-Z0-9. _-]*(?<! )", re.ASCII)
_SPEC = re.compile(r"[a-zA-Z0-9-_:. ]{1,255}", re.ASCII)
_MAX_INTEGER = 2**31 - 1
FlavorDescription = Annotated[str, StringConstraints(max_length=65535), AfterValidator(printable)] | None


class NewFlavor(Body):
    """``flavor`` of ``POST /flavors``; sizes in MiB (``ram``, ``swap``) and GiB (``disk``, ``ephemeral``)."""

    nullable = frozenset({"id", "description"})
    name: Name
    ram: Annotated[Number, Field(ge=1, le=_MAX_INTEGER)]
    vcpus: Annotated[Number, Field(ge=1, le=_MAX_INTEGER)]
    disk: Annotated[Number, Field(ge=0, le=_MAX_INTEGER)]
    id: ShortNotEmpty | int | float | None = None
    swap: Annotated[Number, Field(ge=0, le=_MAX_INTEGER)] = 0
    ephemeral: Annotated[Number, Field(ge=0, le=_MAX_INTEGER, alias="OS-FLV-EXT-DATA:ephemeral")] = 0
    rxtx_factor: float | int | str = 1.0
    is_public: Flag = Field(True, alias="os-flavor-access:is_public")
    description: FlavorDescription = None

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: object) -> object:
        if isinstance(value, str) and not _ID.fullmatch(value):
            raise ValueError("does not match '^(?! )[a-zA-Z0-9. _-]+(?<! )$'")
        return value


class CreateFlavor(Body):
    """``POST /flavors``."""

    flavor: NewFlavor


class FlavorChanges(Body):
    """``flavor`` of ``PUT /flavors/{id}``."""

    nullable = frozenset({"description"})
    description: FlavorDescription


class UpdateFlavor(Body):
    """``PUT /flavors/{id}``."""

    flavor: FlavorChanges


class ExtraSpecs(Body):
    """``POST /flavors/{id}/os-extra_specs``."""

    extra_specs: dict[str, str | int | float]

    def as_text(self) -> dict[str, str]:
        """All values as text; BadRequest for a key or a value that cannot be stored."""
        for key, value in self.extra_specs.items():
            if not _SPEC.fullmatch(key) or len(str(value)) > 255:
                raise BadRequest(f"The extra spec {key[:60]!r} is not one.")
        return {key: str(value) for key, value in self.extra_specs.items()}


class TenantAccess(Body):
    """The value of ``addTenantAccess`` and ``removeTenantAccess``."""

    tenant: ShortNotEmpty
