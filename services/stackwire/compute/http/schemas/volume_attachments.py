"""The bodies of ``/servers/{id}/os-volume_attachments``."""

from typing import Annotated

from pydantic import StringConstraints

from stackwire.compute.http.schemas.fields import Body, Flag, Since, Tag, Uuid

Device = Annotated[str, StringConstraints(pattern=r"(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$")]


class NewAttachment(Body):
    """``volumeAttachment`` of ``POST``."""

    nullable = frozenset({"device"})
    volumeId: Uuid
    device: Device | None = None
    tag: Tag | None = None
    delete_on_termination: Flag = False


class AttachVolume(Body):
    """``POST /servers/{id}/os-volume_attachments``."""

    volumeAttachment: NewAttachment


ATTACH_SINCE: Since = {"tag": (2, 49), "delete_on_termination": (2, 79)}


class AttachmentChanges(Body):
    """``volumeAttachment`` of ``PUT``; since 2.85 clients send what they were shown, too."""

    nullable = frozenset({"device"})
    volumeId: Uuid
    delete_on_termination: Flag | None = None
    id: Uuid | None = None
    device: Device | None = None
    serverId: Uuid | None = None
    tag: Tag | None = None


class UpdateAttachment(Body):
    """``PUT /servers/{id}/os-volume_attachments/{volume}``."""

    volumeAttachment: AttachmentChanges


CHANGES_SINCE: Since = dict.fromkeys(("id", "device", "serverId", "tag", "delete_on_termination"), (2, 85))
