"""Bodies of /snapshots: create, update, actions."""

import re
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from stackwire.contracts.volume import VolumeNotFound
from stackwire.core.errors import BadRequest
from stackwire.volume.domain.requests import CreateSnapshotRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, PrintableStripped, StrippedLater, Uuid
from stackwire.volume.http.schemas.volumes import NamedChanges


class NewSnapshot(Body):
    """``name`` also under its older name; ``force`` cannot be null."""

    volume_id: Uuid | None
    name: StrippedLater | None = None
    display_name: StrippedLater | None = None
    description: PrintableStripped | None = None
    metadata: Metadata | None = None
    force: Flag = False

    def to_request(self, version: tuple[int, int]) -> CreateSnapshotRequest:
        """The body of a request of this version. VolumeNotFound for null.

        From 3.66 on a volume in use needs no ``force``, and ``force=false`` is BadRequest.
        """
        if self.volume_id is None:
            raise VolumeNotFound(volume_id=None)
        if version >= (3, 66) and "force" in self.model_fields_set and not self.force:
            raise BadRequest("Since microversion 3.66 the 'force' flag is invalid for this request, unless it is true.")
        return CreateSnapshotRequest(
            volume_id=self.volume_id,
            name=self.name if "name" in self.model_fields_set else self.display_name,
            description=self.description,
            metadata=self.metadata or {},
            force=version >= (3, 66) or self.force,
        )


class CreateSnapshotBody(Body):
    snapshot: NewSnapshot


class SnapshotChanges(NamedChanges):
    name: StrippedLater | None = None
    display_name: StrippedLater | None = None
    description: PrintableStripped | None = None
    display_description: PrintableStripped | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> "SnapshotChanges":
        if not self.model_fields_set:
            raise ValueError("does not have enough properties")
        return self


class UpdateSnapshotBody(Body):
    snapshot: SnapshotChanges


class ResetSnapshotStatusAction(Body):
    status: str


def _percentage(value: object) -> object:
    """Whatever counts as nothing is no progress (``cinder/api/validation/validators.py: _validate_progress``)."""
    if not value:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"\s*\+?[0-9]{1,3}\s*%", value) or int(value[:-1]) > 100:
        raise ValueError("progress must be an integer percentage between 0 and 100")
    return value


class UpdateSnapshotStatusAction(Body):
    status: str
    progress: Annotated[str | None, BeforeValidator(_percentage)] = None
