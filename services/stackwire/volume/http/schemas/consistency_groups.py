"""Bodies of /consistencygroups and /cgsnapshots, which may have any other fields too."""

from typing import Any

from pydantic import ConfigDict, Field

from stackwire.core.attributes import attributes
from stackwire.core.errors import BadRequest
from stackwire.volume.domain.model import DEFAULT_CGSNAPSHOT_TYPE
from stackwire.volume.domain.requests import (
    CreateGroupFromSourceRequest,
    CreateGroupRequest,
    CreateGroupSnapshotRequest,
    UpdateGroupRequest,
)
from stackwire.volume.http.schemas.fields import Body, Flag, Printable, Text
from stackwire.volume.http.schemas.groups import ids_in, stripped


class Loose(Body):
    """A body, or a part of one, of which the original knows little."""

    model_config = ConfigDict(extra="ignore")


class Described(Loose):
    name: Text | None = None
    description: Printable | None = None

    @property
    def words(self) -> dict[str, str | None]:
        """Without blanks around them."""
        return {"name": stripped(self.name), "description": stripped(self.description)}


class NewConsistencyGroup(Described):
    volume_types: Any
    availability_zone: Any = None

    def to_request(self) -> CreateGroupRequest:
        """The body as a request. BadRequest."""
        if not self.volume_types or not isinstance(self.volume_types, str):
            raise BadRequest(f"volume_types must be provided to create consistency group {self.name}.")
        if not isinstance(self.availability_zone, str | None):
            raise BadRequest("Invalid input for field/attribute availability_zone.")
        types = self.volume_types.rstrip(",").split(",")
        return CreateGroupRequest(
            group_type=DEFAULT_CGSNAPSHOT_TYPE,
            volume_types=types,
            availability_zone=self.availability_zone,
            **self.words,
        )


class CreateConsistencyGroupBody(Loose):
    consistencygroup: NewConsistencyGroup


class ConsistencyGroupSource(Described):
    cgsnapshot_id: str = ""
    source_cgid: str = ""

    def to_request(self) -> CreateGroupFromSourceRequest:
        """The body as a request. BadRequest unless there is one source."""
        if bool(self.cgsnapshot_id) == bool(self.source_cgid):
            raise BadRequest("Either 'cgsnapshot_id' or 'source_cgid' must be provided, and not both.")
        return CreateGroupFromSourceRequest(
            group_snapshot_id=self.cgsnapshot_id or None, source_group_id=self.source_cgid or None, **self.words
        )


class CreateFromSourceBody(Loose):
    source: ConsistencyGroupSource = Field(alias="consistencygroup-from-src")


class ConsistencyGroupChanges(Described):
    add_volumes: str | None = None
    remove_volumes: str | None = None

    def to_request(self, version: tuple[int, int]) -> UpdateGroupRequest:
        """The body of a request of this version. BadRequest; from 3.6 on the name may become empty."""
        words = self.words
        given = [text is not None if version >= (3, 6) else bool(text) for text in words.values()]
        if not any([*given, self.add_volumes, self.remove_volumes]):
            raise BadRequest("Name, description, add_volumes, and remove_volumes can not be all empty.")
        return UpdateGroupRequest(
            add_volumes=ids_in(self.add_volumes), remove_volumes=ids_in(self.remove_volumes), **words
        )


class UpdateConsistencyGroupBody(Loose):
    consistencygroup: ConsistencyGroupChanges


class Deletion(Loose):
    force: Flag = False


class DeleteBody(Loose):
    consistencygroup: Deletion


class NewCgsnapshot(Loose):
    consistencygroup_id: str
    name: str = ""
    description: str = ""

    def to_request(self) -> CreateGroupSnapshotRequest:
        """The body as a request. BadRequest for words that are too long."""
        words = {key: stripped(value) or None for key, value in attributes(self, "name description").items()}
        if any(text is not None and len(text) > 255 for text in words.values()):
            raise BadRequest("Name and description have at most 255 characters.")
        return CreateGroupSnapshotRequest(group_id=self.consistencygroup_id, **words)


class CreateCgsnapshotBody(Loose):
    cgsnapshot: NewCgsnapshot
