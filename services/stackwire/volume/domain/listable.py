"""What each list of the API may be filtered and sorted by.

``etc/cinder/resource_filters.json`` (what users may filter by), ``cinder/db/models.py`` (what administrators may).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stackwire.core.errors import BadRequest
from stackwire.volume.domain.names import names
from stackwire.volume.domain.size_checks import MAX_SIZE_GB

TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
FROM_VOLUME = "volume."
"""Before the name of a column that a snapshot's volume has."""
CONSUMES_QUOTA = "consumes_quota"


def flag(text: str, name: str) -> bool:
    """A boolean of a query string as oslo.utils' strict ``bool_from_string`` reads it; BadRequest otherwise."""
    lowered = text.strip().lower()
    if lowered not in TRUE | _FALSE:
        raise BadRequest(f"Invalid value '{text[:200]}' for '{name}'.")
    return lowered in TRUE


def integer(text: str, name: str, maximum: int) -> int:
    """A number that is not negative; BadRequest otherwise."""
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > maximum:
        raise BadRequest(f"Invalid value '{text[:100]}' for {name}.")
    return int(text)


def _size(text: str) -> int | None:
    """None for a number that no volume has."""
    number = integer(text.removeprefix("-"), "size", 10**20)
    return number if number <= MAX_SIZE_GB and not text.startswith("-") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listable:
    """``filters``, ``sorts``: the name in a query string -> the column. ``typed``: filters whose value is no text, with
    what reads it; ``maps``: filters by key and value; ``times``: filters by comparison.

    ``users``: filters of those who are no administrators; ``users_before``: theirs before 3.31 or 3.52, where they are
    others. ``since``: filters that are ignored before a version. ``counted``: whether it takes ``with_count``.
    ``sorts_since``: sort keys that are none before a version. ``strict_all_tenants``: whether that must be a boolean.
    ``ignored``: parameters that are no filters.
    """

    filters: Mapping[str, str]
    sorts: Mapping[str, str]
    users: frozenset[str]
    users_before: frozenset[str] | None = None
    typed: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    since: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sorts_since: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    counted: bool = True
    strict_all_tenants: bool = False


def _same(text: str) -> dict[str, str]:
    return {name: name for name in names(text)}


_NAMES = {"display_name": "name", "display_description": "description"}
VOLUMES = Listable(
    strict_all_tenants=True,
    filters={
        **_same(
            "id name status attach_status migration_status availability_zone snapshot_id source_volid volume_type_id"
            " host user_id project_id service_uuid group_id"
        ),
        **_NAMES,
    },
    sorts={
        **_same(
            "id name status size created_at updated_at availability_zone bootable multiattach project_id user_id host"
            " attach_status migration_status snapshot_id source_volid volume_type_id launched_at scheduled_at"
        ),
        **_NAMES,
    },
    typed={
        "bootable": lambda text: flag(text, "bootable"),
        "multiattach": lambda text: flag(text, "multiattach"),
        "size": _size,
        CONSUMES_QUOTA: lambda text: flag(text, CONSUMES_QUOTA),
    },
    maps=frozenset({"metadata", "glance_metadata"}),
    times=frozenset({"created_at", "updated_at"}),
    users=frozenset(
        names(
            "name status metadata bootable migration_status availability_zone group_id size created_at updated_at"
            " consumes_quota"
        )
    ),
    since={"glance_metadata": (3, 4), "group_id": (3, 10), "created_at": (3, 31), "updated_at": (3, 31)},
)
SNAPSHOTS = Listable(
    filters={
        **_same("id name status volume_id user_id project_id volume_type_id progress"),
        **_NAMES,
        "availability_zone": f"{FROM_VOLUME}availability_zone",
        "host": f"{FROM_VOLUME}host",
    },
    sorts={
        **_same("id name status created_at updated_at volume_id volume_size project_id user_id volume_type_id"),
        **_NAMES,
        "size": "volume_size",
    },
    typed={CONSUMES_QUOTA: lambda text: flag(text, CONSUMES_QUOTA)},
    maps=frozenset({"metadata"}),
    users=frozenset(names("name status volume_id metadata availability_zone consumes_quota")),
    users_before=frozenset(names("name status volume_id metadata")),
    since={"metadata": (3, 22)},
)
BACKUPS = Listable(
    filters={
        **_same(
            "id name status volume_id user_id project_id snapshot_id parent_id host availability_zone container service"
            " service_metadata fail_reason restore_volume_id"
        ),
        **_NAMES,
    },
    sorts={
        **_same(
            "id name status size created_at updated_at volume_id user_id project_id snapshot_id parent_id host"
            " availability_zone container service service_metadata fail_reason object_count data_timestamp"
            " restore_volume_id num_dependent_backups"
        ),
        **_NAMES,
    },
    sorts_since={"name": (3, 37)},
    strict_all_tenants=True,
    typed={"size": _size},
    users=frozenset(names("name status volume_id")),
)
ATTACHMENTS = Listable(
    filters={
        **_same("id volume_id attach_status attach_mode attached_host mountpoint"),
        "instance_id": "instance_uuid",
        "status": "attach_status",
    },
    sorts=_same("id created_at updated_at volume_id attach_status"),
    users=frozenset(names("volume_id status instance_id attach_status")),
    counted=False,
)
USER_VISIBLE = ("RESKEY:availability_zones", "multiattach", "replication_enabled")
"""The extra specs that users see (cinder/policies/type_extra_specs.py: USER_VISIBLE_EXTRA_SPECS)."""
VOLUME_TYPES = Listable(
    filters=_same("id name description"),
    sorts=_same("id name created_at updated_at description is_public"),
    maps=frozenset({"extra_specs"}),
    users=frozenset(names("is_public extra_specs")),
    users_before=frozenset({"is_public"}),
    counted=False,
)


class _Anything(frozenset[str]):
    """The names of all filters, of what there is and of what there is not."""

    def __contains__(self, name: object) -> bool:
        return True


GROUPS = Listable(
    filters=_same(
        "id name description status user_id project_id host availability_zone group_type_id group_snapshot_id"
        " source_group_id"
    ),
    sorts=_same(
        "id name description status created_at updated_at availability_zone group_type_id host user_id project_id"
    ),
    users=frozenset({"name"}),
    users_before=_Anything(),
    ignored=frozenset({"list_volume"}),
    counted=False,
)
CONSISTENCY_GROUPS = replace(GROUPS, users=_Anything(), ignored=frozenset())
GROUP_SNAPSHOTS = Listable(
    filters=_same("id name description status user_id project_id group_id group_type_id"),
    sorts=_same("id name description status created_at updated_at group_id group_type_id user_id project_id"),
    users=frozenset(names("name status group_id")),
    users_before=_Anything(),
    counted=False,
)
TRANSFERS = Listable(
    filters={**_same("id volume_id source_project_id"), "name": "name", "display_name": "name"},
    sorts={**_same("id volume_id created_at source_project_id"), "display_name": "name"},
    users=_Anything(),
    counted=False,
)
TRANSFER_PAGES = (3, 59)
"""Since then lists of transfers have pages and orders."""
GROUP_TYPES = Listable(
    filters={}, sorts=_same("id name created_at updated_at description is_public"), users=frozenset(), counted=False
)
QOS_SPECS = Listable(
    filters={"id": "id", "value": "name"},
    sorts={
        **_same("id created_at updated_at"),
        "value": "name",
        **dict.fromkeys(names("key specs_id deleted deleted_at"), "created_at"),
    },
    users=frozenset(),
    counted=False,
)
"""Cinder keeps them as rows of keys and values, whose columns these are: a filter by ``name`` finds nothing."""
MESSAGES = Listable(
    filters=_same("id resource_uuid resource_type event_id request_id message_level project_id"),
    sorts=_same("id created_at resource_uuid resource_type event_id request_id message_level"),
    users=frozenset(names("resource_uuid resource_type event_id request_id message_level")),
    counted=False,
)
