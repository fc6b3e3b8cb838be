"""Bodies of /snapshots: create, update, actions."""

from stackwire.contracts.volume import InvalidInput
from stackwire.volume.domain.requests import CreateSnapshotRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, Text, Uuid
from stackwire.volume.http.schemas.volumes import NamedChanges


class NewSnapshot(Body):
    """``name`` and ``description`` also under their older names."""

    volume_id: Uuid
    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    display_description: Text | None = None
    metadata: Metadata | None = None
    force: Flag | None = None

    def to_request(self, version: tuple[int, int]) -> CreateSnapshotRequest:
        """The body of a request of this version.

        From 3.66 on a volume in use needs no ``force``, and ``force=false`` is InvalidInput.
        """
        if version >= (3, 66) and self.force is False:
            raise InvalidInput(reason="force=false is not accepted from version 3.66 on.")
        return CreateSnapshotRequest(
            volume_id=self.volume_id,
            name=self.name if self.name is not None else self.display_name,
            description=self.description if self.description is not None else self.display_description,
            metadata=self.metadata or {},
            force=version >= (3, 66) or bool(self.force),
        )


class CreateSnapshotBody(Body):
    snapshot: NewSnapshot


class UpdateSnapshotBody(Body):
    snapshot: NamedChanges


class ResetSnapshotStatusAction(Body):
    status: Text
