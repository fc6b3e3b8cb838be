"""The bodies of ``POST /servers/{id}/action``. ``nova/api/openstack/compute/schemas/``."""

from typing import Annotated, Literal

from pydantic import Field

from stackwire.compute.http.schemas.fields import (
    Body,
    Certificates,
    Description,
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
    ShortNotEmpty,
    Since,
    Uuid,
)


class Rebuild(Body):
    """The value of ``rebuild``."""

    nullable = frozenset({"description", "key_name", "user_data", "trusted_image_certificates"})

    imageRef: Uuid
    name: Name | None = None
    metadata: Metadata | None = None
    personality: list[File] | None = None
    adminPass: str | None = None
    accessIPv4: IPv4 | None = None
    accessIPv6: IPv6 | None = None
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    preserve_ephemeral: Flag = False
    description: Description = None
    key_name: ShortNotEmpty | None = None
    user_data: str | None = None
    trusted_image_certificates: Certificates | None = None
    hostname: Hostname | None = None


REBUILD_SINCE: Since = {
    "description": (2, 19),
    "key_name": (2, 54),
    "user_data": (2, 57),
    "trusted_image_certificates": (2, 63),
    "hostname": (2, 90),
}
REBUILD_UNTIL: Since = {"personality": (2, 57)}


class CreateBackup(Body):
    """The value of ``createBackup``."""

    name: Name
    backup_type: str
    rotation: Annotated[Number, Field(ge=0)]
    metadata: Metadata | None = None


class Rescue(Body):
    """The value of ``rescue``, where it is not null."""

    adminPass: str | None = None
    rescue_image_ref: Uuid | None = None


class UnshelveInZone(Body):
    """The value of ``unshelve`` from 2.77 to 2.90, where it is not null."""

    availability_zone: Name


class Unshelve(Body):
    """The value of ``unshelve`` since 2.91, where it is not null; a null zone: wherever there is room."""

    nullable = frozenset({"availability_zone"})
    availability_zone: str | None = None
    host: str | None = None


class Resize(Body):
    """The value of ``resize``."""

    flavorRef: FlavorRef
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")


class Migrate(Body):
    """The value of ``migrate``, which may be null; ``host``: since 2.56."""

    nullable = frozenset({"host"})

    host: Hostname | None = None


class MigrateLive(Body):
    """The value of ``os-migrateLive``; all its fields up to 2.24 are required."""

    nullable = frozenset({"host"})

    host: Hostname | None
    block_migration: Flag | Literal["auto"]
    disk_over_commit: Flag | None = None
    force: Flag = False


MIGRATE_LIVE_SINCE: Since = {"force": (2, 30)}
MIGRATE_LIVE_UNTIL: Since = {"disk_over_commit": (2, 25), "force": (2, 68)}


class Evacuate(Body):
    """The value of ``evacuate``; ``onSharedStorage`` is required where it is known."""

    host: Hostname | None = None
    onSharedStorage: Flag | None = None
    adminPass: str | None = None
    force: Flag = False


EVACUATE_SINCE: Since = {"force": (2, 29)}
EVACUATE_UNTIL: Since = {"onSharedStorage": (2, 14), "force": (2, 68)}


class ForceComplete(Body):
    """``POST /servers/{id}/migrations/{number}/action``."""

    nullable = frozenset({"force_complete"})

    force_complete: None


class CreateImage(Body):
    """The value of ``createImage``."""

    name: Name
    metadata: Metadata | None = None


class Reboot(Body):
    """The value of ``reboot``."""

    type: Literal["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]


class Lock(Body):
    """The value of ``lock``, since 2.73."""

    locked_reason: ShortNotEmpty | None = None


class ConsoleOutput(Body):
    """The value of ``os-getConsoleOutput``; ``length``: lines, -1 or null for all."""

    nullable = frozenset({"length"})
    length: Annotated[Number, Field(ge=-1)] | None = None


class ChangePassword(Body):
    """The value of ``changePassword``."""

    adminPass: str


class ResetState(Body):
    """The value of ``os-resetState``."""

    state: Literal["active", "error"]
