"""Bodies of /volume-transfers and /os-volume-transfer: create, accept."""

from stackwire.core.errors import BadRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Text, Uuid


class NewTransfer(Body):
    """``no_snapshots``: from 3.55."""

    volume_id: Uuid
    name: Text | None = None
    no_snapshots: Flag = False

    def check(self, version: tuple[int, int]) -> None:
        """BadRequest for a field this version does not know."""
        if version < (3, 55) and "no_snapshots" in self.model_fields_set:
            raise BadRequest("Additional properties are not allowed ('no_snapshots' was unexpected)")


class CreateTransferBody(Body):
    transfer: NewTransfer


class Accept(Body):
    auth_key: str | int


class AcceptTransferBody(Body):
    accept: Accept
