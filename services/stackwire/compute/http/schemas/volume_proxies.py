"""The bodies of ``/os-volumes`` and ``/os-snapshots``; what lies behind has narrower limits, which are kept here."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from stackwire.compute.http.schemas.fields import Body, Flag, Number, Short
from stackwire.contracts.volume import MakeSnapshot, MakeVolume
from stackwire.core.attributes import attributes
from stackwire.core.ids import new_id

_KEY = re.compile(r"[a-zA-Z0-9-_:. /]{1,255}", re.ASCII)


def _metadata(value: dict[str, Short]) -> dict[str, Short]:
    """``cinder/api/validation/parameter_types.py: extra_specs``."""
    if not all(_KEY.fullmatch(key) for key in value):
        raise ValueError("has a key that does not match '^[a-zA-Z0-9-_:. /]{1,255}$'")
    return value


class NewVolume(Body):
    """``volume`` of ``POST /os-volumes``; ``size`` in GiB."""

    size: Annotated[Number, Field(ge=1, le=2**31 - 1)]
    volume_type: Short | None = None
    metadata: Annotated[dict[str, Short], AfterValidator(_metadata)] = {}
    snapshot_id: Short | None = None
    availability_zone: Annotated[Short, Field(min_length=1)] | None = None
    display_name: Short | None = None
    display_description: Short | None = None

    def message(self) -> MakeVolume:
        """The request to the volume service."""
        return MakeVolume(
            volume_id=new_id("volume"),
            name=self.display_name,
            description=self.display_description,
            volume_type=self.volume_type or None,
            **attributes(self, "size snapshot_id availability_zone metadata"),
        )


class CreateVolume(Body):
    """``POST /os-volumes``."""

    volume: NewVolume


class NewSnapshot(Body):
    """``snapshot`` of ``POST /os-snapshots``."""

    volume_id: str
    force: Flag = False
    display_name: Short | None = None
    display_description: Short | None = None

    def message(self) -> MakeSnapshot:
        """The request to the volume service."""
        return MakeSnapshot(
            volume_id=self.volume_id,
            snapshot_id=new_id("snapshot"),
            name=self.display_name,
            description=self.display_description,
            force=self.force,
        )


class CreateSnapshot(Body):
    """``POST /os-snapshots``."""

    snapshot: NewSnapshot
