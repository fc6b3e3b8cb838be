"""Bodies of /attachments: create, update."""

from typing import Annotated, Any, Literal

from pydantic import Field

from stackwire.core.errors import BadRequest
from stackwire.volume.domain.requests import CreateAttachmentRequest
from stackwire.volume.http.schemas.fields import Body, Uuid


class NewAttachment(Body):
    """``mode``: from 3.54."""

    volume_uuid: Uuid
    instance_uuid: Uuid = ""
    connector: dict[str, Any] | None = None
    mode: Literal["rw", "ro"] = "rw"

    def to_request(self, version: tuple[int, int]) -> CreateAttachmentRequest:
        """The body of a request of this version; BadRequest for fields it does not know."""
        given = "mode" in self.model_fields_set
        if given and version < (3, 54):
            raise BadRequest("mode needs version 3.54.")
        return CreateAttachmentRequest(
            volume_id=self.volume_uuid,
            instance_uuid=self.instance_uuid or None,
            connector=self.connector or None,
            mode=self.mode if given else None,
        )


class CreateAttachmentBody(Body):
    attachment: NewAttachment


class AttachmentChanges(Body):
    connector: Annotated[dict[str, Any], Field(min_length=1)]


class UpdateAttachmentBody(Body):
    attachment: AttachmentChanges
