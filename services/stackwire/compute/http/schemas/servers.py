"""The bodies of ``POST /servers`` and ``PUT /servers/{id}``; the tables beside them hold what a microversion knows.

``nova/api/openstack/compute/schemas/servers.py``. A field that OpenStack accepts and Stackwire does not simulate is
refused with 501 in the flow, never ignored.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from stackwire.compute.http.schemas.fields import (
    Body,
    Certificates,
    Description,
    DeviceName,
    DiskConfig,
    File,
    Flag,
    FlavorRef,
    Hostname,
    IPv4,
    IPv6,
    Metadata,
    Name,
    Number,
    Short,
    ShortNotEmpty,
    Since,
    SizeGb,
    Tag,
    Uuid,
    UuidOrEmpty,
    known_at,
)
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import read


class Device(Body):
    """One entry of ``block_device_mapping_v2``."""

    nullable = frozenset({"boot_index", "no_device", "volume_type"})

    source_type: Literal["volume", "image", "snapshot", "blank"] | None = None
    destination_type: Literal["local", "volume"] | None = None
    uuid: ShortNotEmpty | None = None
    image_id: Uuid | None = None
    volume_id: Uuid | None = None
    snapshot_id: Uuid | None = None
    volume_size: SizeGb | Literal[""] | None = None
    volume_type: Short | None = None
    boot_index: Number | None = None
    device_name: DeviceName | None = None
    device_type: Short | None = None
    disk_bus: Short | None = None
    guest_format: Short | None = None
    delete_on_termination: Flag | None = None
    no_device: Flag | dict[str, Any] | Literal[""] | None = None
    tag: Tag | None = None


class LegacyDevice(Body):
    """One entry of ``block_device_mapping``."""

    nullable = frozenset({"no_device"})

    virtual_name: Short | None = None
    volume_id: Uuid | None = None
    snapshot_id: Uuid | None = None
    volume_size: SizeGb | Literal[""] | None = None
    device_name: DeviceName | None = None
    delete_on_termination: Flag | None = None
    no_device: Flag | dict[str, Any] | Literal[""] | None = None
    connection_info: dict[str, Any] | None = None


class Network(Body):
    """One entry of ``networks``."""

    nullable = frozenset({"port"})

    uuid: Uuid | None = None
    port: Uuid | None = None
    fixed_ip: str | None = None
    tag: Tag | None = None


class SecurityGroup(Body):
    """One entry of ``security_groups``."""

    name: ShortNotEmpty


class NewServer(Body):
    """``server`` of ``POST /servers``."""

    nullable = frozenset({"description", "trusted_image_certificates"})

    name: Name
    flavorRef: FlavorRef
    imageRef: UuidOrEmpty | None = None
    adminPass: str | None = None
    metadata: Metadata | None = None
    networks: list[Network] | Literal["none", "auto"] | None = None
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    personality: list[File] | None = None
    availability_zone: Name | None = None
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
    trusted_image_certificates: Certificates | None = None
    host: Hostname | None = None
    hypervisor_hostname: Hostname | None = None
    hostname: Hostname | None = None


class SchedulerHints(Body):
    """What a client would have the scheduler mind; any other name may be given, too."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    group: Uuid | list[Uuid] | None = None
    different_host: Uuid | list[Uuid] | None = None
    same_host: str | list[Uuid] | None = None
    query: str | dict[str, Any] | None = None
    target_cell: Name | None = None
    different_cell: str | list[str] | None = None
    build_near_host_ip: IPv4 | IPv6 | None = None
    cidr: Annotated[str, StringConstraints(pattern=r"^/[0-9a-f.:]+$")] | None = None


class CreateServer(Body):
    """``POST /servers``; the hints under either of their names, the first of which goes first."""

    server: NewServer
    scheduler_hints: SchedulerHints | None = Field(None, alias="os:scheduler_hints")
    old_scheduler_hints: SchedulerHints | None = Field(None, alias="OS-SCH-HNT:scheduler_hints")


CREATE_SINCE: Since = {
    "description": (2, 19),
    "tags": (2, 52),
    "trusted_image_certificates": (2, 63),
    "host": (2, 74),
    "hypervisor_hostname": (2, 74),
    "hostname": (2, 90),
}
CREATE_UNTIL: Since = {"personality": (2, 57)}
VOLUME_TYPE_SINCE = (2, 67)


def _tag_since(version: Microversion, last: tuple[int, int]) -> tuple[int, int]:
    """Tags of devices and networks came in 2.32, went after ``last`` by mistake, and are back since 2.42."""
    return (2, 32) if version <= last else (2, 42)


class ServerChanges(Body):
    """``server`` of ``PUT /servers/{id}``."""

    nullable = frozenset({"description", "pinned_availability_zone"})

    name: Name | None = None
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    description: Description = None
    hostname: Hostname | None = None
    pinned_availability_zone: Name | None = None


class UpdateServer(Body):
    """``PUT /servers/{id}``."""

    server: ServerChanges


UPDATE_SINCE: Since = {"description": (2, 19), "hostname": (2, 90), "pinned_availability_zone": (2, 104)}


def parse_create_server(raw: Any, version: Microversion) -> CreateServer:
    """The body of ``POST /servers`` in this version; BadRequest names the field that is not right."""
    server = raw.get("server") if isinstance(raw, dict) else None
    known_at(server, version, CREATE_SINCE, CREATE_UNTIL)
    parts: dict[str, Since] = {
        "block_device_mapping_v2": {"tag": _tag_since(version, (2, 32)), "volume_type": VOLUME_TYPE_SINCE},
        "networks": {"tag": _tag_since(version, (2, 36))},
    }
    for name, since in parts.items():
        entries = server.get(name) if isinstance(server, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            known_at(entry, version, since)
    body = read(CreateServer, raw)
    if version >= (2, 37):
        if body.server.networks is None:
            raise BadRequest("'networks' is a required property")
    elif isinstance(body.server.networks, str):
        raise BadRequest("Invalid input for field/attribute networks: a list is needed.")
    return body
