"""Bodies of /groups and /group_snapshots."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from stackwire.core.attributes import attributes
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.requests import (
    CreateGroupFromSourceRequest,
    CreateGroupRequest,
    CreateGroupSnapshotRequest,
    UpdateGroupRequest,
)
from stackwire.volume.http.schemas.fields import Body, Flag, NotBlank, Printable, Text, Uuid, unlike_each_other


def ids_in(text: str | None) -> list[str]:
    """Ids separated by commas, those at both ends aside; in the form that ids have where they are some."""
    return [canonical_uuid(part) or part for part in text.strip(",").split(",")] if text else []


def stripped(text: str | None) -> str | None:
    """Without blanks around it."""
    return text.strip() if text else text


class NewGroup(Body):
    group_type: NotBlank
    volume_types: Annotated[list[Text], Field(min_length=1), AfterValidator(unlike_each_other)]
    name: Text | None = None
    description: Printable | None = None
    availability_zone: NotBlank | None = None

    def to_request(self) -> CreateGroupRequest:
        """The body as a request."""
        return CreateGroupRequest(
            **attributes(self, "group_type volume_types availability_zone"),
            name=stripped(self.name),
            description=stripped(self.description),
        )


class CreateGroupBody(Body):
    group: NewGroup


class GroupChanges(Body):
    name: Text | None = None
    description: Printable | None = None
    add_volumes: Printable | None = None
    remove_volumes: Printable | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change")
        return self

    def to_request(self) -> UpdateGroupRequest:
        """The body as a request."""
        return UpdateGroupRequest(
            name=stripped(self.name),
            description=stripped(self.description),
            add_volumes=ids_in(self.add_volumes),
            remove_volumes=ids_in(self.remove_volumes),
        )


class UpdateGroupBody(Body):
    group: GroupChanges


class DeleteAction(Body):
    delete_volumes: Flag = Field(default=False, alias="delete-volumes")


class ResetStatusAction(Body):
    status: str


class ReplicationAction(Body):
    """An object of any kind."""

    model_config = ConfigDict(extra="allow")


class FailoverAction(Body):
    allow_attached_volume: Flag = False
    secondary_backend_id: str | None = None


class CreateFromSourceAction(Body):
    name: Text | None = None
    description: Printable | None = None
    source_group_id: Uuid | None = None
    group_snapshot_id: Uuid | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, given: Any) -> Any:
        if isinstance(given, dict) and ("source_group_id" in given) == ("group_snapshot_id" in given):
            raise ValueError("one of source_group_id and group_snapshot_id is the source")
        return given

    @model_validator(mode="after")
    def _not_null(self) -> Self:
        if self.source_group_id is None and self.group_snapshot_id is None:
            raise ValueError("the source must be a uuid")
        return self

    def to_request(self) -> CreateGroupFromSourceRequest:
        """The body as a request."""
        return CreateGroupFromSourceRequest(
            **attributes(self, "source_group_id group_snapshot_id"),
            name=stripped(self.name),
            description=stripped(self.description),
        )


class NewGroupSnapshot(Body):
    """Blanks around the name are kept, unlike a group's."""

    group_id: Uuid
    name: Text | None = None
    description: Printable | None = None

    def to_request(self) -> CreateGroupSnapshotRequest:
        """The body as a request."""
        return CreateGroupSnapshotRequest(**attributes(self, "group_id name description"))


class CreateGroupSnapshotBody(Body):
    group_snapshot: NewGroupSnapshot
