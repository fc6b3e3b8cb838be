"""The bodies of requests about servers; which of their fields a microversion knows is a table beside them.

``nova/api/openstack/compute/schemas/``. A field that OpenStack accepts and Stackwire does not simulate is answered
with 501 in the flow, never taken and forgotten.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from stackwire.compute.http.fields import (
    Body,
    Description,
    Flag,
    FlavorRef,
    ImageProperties,
    IPv4,
    IPv6,
    MaybeHostname,
    Metadata,
    Name,
    Number,
    Short,
    Tag,
    Uuid,
    UuidOrEmpty,
)
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import json_body, read

Since = Mapping[str, tuple[int, int]]


class Device(Body):
    """One entry of ``block_device_mapping_v2``."""

    source_type: Literal["volume", "image", "snapshot", "blank"] | None = None
    destination_type: Literal["local", "volume"] | None = None
    uuid: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    image_id: Uuid | None = None
    volume_id: Uuid | None = None
    snapshot_id: Uuid | None = None
    volume_size: Annotated[Number, Field(ge=0, le=2**31 - 1)] | Literal[""] | None = None
    volume_type: Annotated[str, StringConstraints(max_length=255)] | None = None
    boot_index: Number | None = None
    device_name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._\-/]*$")] | (
        None
    ) = None
    device_type: Short | None = None
    disk_bus: Short | None = None
    guest_format: Short | None = None
    delete_on_termination: Flag | None = None
    no_device: Flag | dict[str, Any] | Literal[""] | None = None
    tag: Tag | None = None


class LegacyDevice(Body):
    """One entry of ``block_device_mapping``."""

    virtual_name: Short | None = None
    volume_id: Uuid | None = None
    snapshot_id: Uuid | None = None
    volume_size: Annotated[Number, Field(ge=0, le=2**31 - 1)] | Literal[""] | None = None
    device_name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._\-/]*$")] | (
        None
    ) = None
    delete_on_termination: Flag | None = None
    no_device: Flag | dict[str, Any] | Literal[""] | None = None
    connection_info: dict[str, Any] | None = None


class Network(Body):
    uuid: Uuid | None = None
    port: Uuid | None = None
    fixed_ip: str | None = None
    tag: Tag | None = None


class SecurityGroup(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class NewServer(Body):
    name: Name
    flavorRef: FlavorRef
    imageRef: UuidOrEmpty | None = None
    adminPass: str | None = None
    metadata: Metadata | None = None
    networks: list[Network] | Literal["none", "auto"] | None = None
    disk_config: Literal["AUTO", "MANUAL"] | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    personality: list[dict[str, Any]] | None = None
    availability_zone: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    block_device_mapping: list[LegacyDevice] | None = None
    block_device_mapping_v2: list[Device] | None = None
    config_drive: Flag | None = None
    key_name: Name | None = None
    min_count: Annotated[Number, Field(ge=1)] = 1
    max_count: Annotated[Number, Field(ge=1)] | None = None
    return_reservation_id: Flag = False
    security_groups: list[SecurityGroup] | None = None
    user_data: str | None = None
    description: Description = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None
    trusted_image_certificates: list[str] | None = None
    host: MaybeHostname = None
    hypervisor_hostname: MaybeHostname = None
    hostname: MaybeHostname = None


class CreateServer(Body):
    server: NewServer
    scheduler_hints: dict[str, Any] | None = Field(None, alias="os:scheduler_hints")
    old_scheduler_hints: dict[str, Any] | None = Field(None, alias="OS-SCH-HNT:scheduler_hints")


CREATE_SINCE: Since = {
    "description": (2, 19),
    "tags": (2, 52),
    "trusted_image_certificates": (2, 63),
    "host": (2, 74),
    "hypervisor_hostname": (2, 74),
    "hostname": (2, 90),
}
CREATE_UNTIL: Since = {"personality": (2, 57)}
DEVICE_SINCE: Since = {"tag": (2, 42), "volume_type": (2, 67)}


class ServerChanges(Body):
    name: Name | None = None
    disk_config: Literal["AUTO", "MANUAL"] | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    description: Description = None
    hostname: MaybeHostname = None
    pinned_availability_zone: Short | None = None


class UpdateServer(Body):
    server: ServerChanges


UPDATE_SINCE: Since = {"description": (2, 19), "hostname": (2, 90), "pinned_availability_zone": (2, 104)}


class Rebuild(Body):
    imageRef: Uuid
    name: Name | None = None
    metadata: Metadata | None = None
    personality: list[dict[str, Any]] | None = None
    adminPass: str | None = None
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    disk_config: Literal["AUTO", "MANUAL"] | None = Field(None, alias="OS-DCF:diskConfig")
    preserve_ephemeral: Flag = False
    description: Description = None
    key_name: Name | None = None
    user_data: str | None = None
    trusted_image_certificates: list[str] | None = None
    hostname: MaybeHostname = None


REBUILD_SINCE: Since = {
    "description": (2, 19),
    "key_name": (2, 54),
    "user_data": (2, 57),
    "trusted_image_certificates": (2, 63),
    "hostname": (2, 90),
}
REBUILD_UNTIL: Since = {"personality": (2, 57)}


class CreateImageAction(Body):
    name: Name
    metadata: ImageProperties | None = None


class Reboot(Body):
    type: Annotated[str, StringConstraints(pattern=r"^([Hh][Aa][Rr][Dd]|[Ss][Oo][Ff][Tt])$")]


class Lock(Body):
    locked_reason: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


class ConsoleOutput(Body):
    length: Annotated[Number, Field(ge=-1)] | None = None


class ResetState(Body):
    state: Literal["active", "error"]


class NewAttachment(Body):
    volumeId: Uuid
    device: Annotated[
        str, StringConstraints(max_length=255, pattern=r"(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$")
    ] | (None) = None
    tag: Tag | None = None
    delete_on_termination: Flag = False


class AttachVolume(Body):
    volumeAttachment: NewAttachment


ATTACH_SINCE: Since = {"tag": (2, 49), "delete_on_termination": (2, 79)}


class AttachmentChanges(Body):
    volumeId: Uuid
    delete_on_termination: Flag | None = None
    id: str | None = None
    device: str | None = None
    serverId: str | None = None
    tag: str | None = None
    attachment_id: str | None = None
    bdm_uuid: str | None = None


class UpdateAttachment(Body):
    volumeAttachment: AttachmentChanges


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: Metadata


class TagsBody(Body):
    tags: Annotated[list[Tag], Field(max_length=50)]


class ExternalEventBody(Body):
    name: str
    server_uuid: Uuid
    status: Literal["failed", "completed", "in-progress"] = "completed"
    tag: Annotated[str, StringConstraints(max_length=255)] | None = None


class ExternalEvents(Body):
    events: Annotated[list[ExternalEventBody], Field(min_length=1)]


def known_at(fields: Any, version: Microversion, since: Since, until: Since | None = None) -> None:
    """BadRequest for a field this version does not know yet, or no longer."""
    if not isinstance(fields, Mapping):
        return
    for name in fields:
        early = name in since and version < since[name]
        late = until is not None and name in until and version >= until[name]
        if early or late:
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected)")


async def create_body(request: web.Request, version: Microversion) -> CreateServer:
    """The body of POST /servers in this version."""
    raw = await json_body(request)
    server = raw.get("server") if isinstance(raw, dict) else None
    known_at(server, version, CREATE_SINCE, CREATE_UNTIL)
    devices = server.get("block_device_mapping_v2") if isinstance(server, dict) else None
    for device in devices if isinstance(devices, list) else ():
        known_at(device, version, DEVICE_SINCE)
    made = read(CreateServer, raw)
    if version >= (2, 37):
        if made.server.networks is None:
            raise BadRequest("'networks' is a required property")
    elif isinstance(made.server.networks, str):
        raise BadRequest("Invalid input for field/attribute networks: a list is needed.")
    return made
