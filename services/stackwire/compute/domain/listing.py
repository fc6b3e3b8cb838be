"""What a list of servers is asked for: filters, order and page of ``GET /servers``, read into one value.

``nova/api/openstack/compute/servers.py: _get_servers``. Filters a caller may not use are left out, as Nova does; what
no version knows is a 400 since 2.75.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stackwire.compute.domain import server_status, states
from stackwire.core.errors import BadRequest, Forbidden

EXACT = {
    "user_id": "user_id", "image": "image_ref", "image_ref": "image_ref", "uuid": "uuid", "host": "host",
    "task_state": "task_state", "vm_state": "vm_state",
}  # fmt: skip
REGEX = {
    "name": "display_name", "display_name": "display_name", "description": "display_description",
    "display_description": "display_description", "hostname": "hostname", "key_name": "key_name", "node": "node",
    "reservation_id": "reservation_id", "availability_zone": "availability_zone", "kernel_id": "kernel_id",
    "ramdisk_id": "ramdisk_id", "root_device_name": "root_device_name", "config_drive": "config_drive",
    "access_ip_v4": "access_ip_v4", "access_ip_v6": "access_ip_v6", "power_state": "power_state",
    "progress": "progress", "launch_index": "launch_index", "created_at": "created_at", "launched_at": "launched_at",
    "terminated_at": "terminated_at", "auto_disk_config": "auto_disk_config", "locked_by": "locked_by",
}  # fmt: skip
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


SORT_KEYS = _words(
    "access_ip_v4 access_ip_v6 auto_disk_config availability_zone config_drive created_at display_description "
    "display_name host hostname image_ref instance_type_id kernel_id key_name launch_index launched_at locked_by node "
    "power_state progress project_id ramdisk_id root_device_name task_state terminated_at updated_at user_id uuid "
    "vm_state locked"
)
IGNORED_SORT_KEYS = _words(
    "architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at disable_terminate "
    "ephemeral_gb ephemeral_key_uuid id key_data launched_on memory_mb os_type reservation_id root_gb "
    "shutdown_terminate user_data vcpus vm_mode"
)
JOINED = frozenset(
    {"block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices"}
)
PAGING = frozenset({"limit", "marker", "sort_key", "sort_dir"})
FOR_ALL = frozenset({"reservation_id", "name", "status", "image", "flavor", "ip", "changes-since", "all_tenants"})
FOR_ALL_SINCE = {
    (2, 5): frozenset({"ip6"}),
    (2, 26): frozenset(TAG_FILTERS),
    (2, 66): frozenset({"changes-before"}),
    (2, 73): frozenset({"locked"}),
    (2, 83): frozenset(
        {"availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at", "power_state",
         "task_state", "vm_state", "progress", "user_id"}
    ),
}  # fmt: skip
LONGEST_PATTERN = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ListServersRequest:
    """What to list. ``states``: (vm_state, task states it must be in, task states it must not be in), any of them.

    ``ip`` and ``ip6``: patterns for the beginning of an address, either of which may match. ``order``: columns of the
    server with True for descending, the tie-breaker included.
    """

    project_id: str | None = None
    exact: tuple[tuple[str, str], ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()
    flavor: str | None = None
    ip: str | None = None
    ip6: str | None = None
    states: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] | None = None
    deleted: bool | None = False
    changed_since: datetime | None = None
    changed_before: datetime | None = None
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    locked: bool | None = None
    order: tuple[tuple[str, bool], ...] = (("created_at", True), ("id", True))
    limit: int = 1000
    marker: str | None = None

    @property
    def nothing(self) -> bool:
        """True when no server can match, whatever there is."""
        return self.states == ()


def read(
    query: Sequence[tuple[str, str]],
    version: tuple[int, int],
    *,
    project_id: str | None,
    every_filter: bool,
    limit: int,
) -> ListServersRequest:
    """The listing a query string asks for; BadRequest, or Forbidden for deleted servers of a plain user.

    ``every_filter``: the caller is an administrator.
    """
    asked = _allowed(query, version, every_filter)
    words = [value for name, value in query if name == "status"]
    _check_names(query, version)
    all_tenants = "all_tenants" in asked and (asked["all_tenants"] == "" or flag(asked["all_tenants"], "all_tenants"))
    since, before = (moment(asked.get(name), name) for name in ("changes-since", "changes-before"))
    if since and before and before < since:
        raise BadRequest("changes-since must not be later than changes-before.")
    deleted: bool | None = None if since or before else False
    if "deleted" in asked:
        deleted = asked["deleted"].lower() in ("1", "t", "true", "on", "y", "yes")
    found = _states(words, version) if words else None
    if found is not None and any(state[0] == states.DELETED for state in found):
        if not every_filter:
            raise Forbidden("Only administrators may list deleted servers.")
        deleted = True
    named = asked.get("project_id", asked.get("tenant_id")) if every_filter else None
    project = named if all_tenants else project_id
    return ListServersRequest(
        project_id=project,
        exact=tuple((EXACT[name], value) for name, value in asked.items() if name in EXACT),
        patterns=tuple((REGEX[name], _pattern(name, value)) for name, value in asked.items() if name in REGEX),
        flavor=asked.get("flavor"),
        ip=_pattern("ip", asked["ip"]) if "ip" in asked else None,
        ip6=_pattern("ip6", asked["ip6"]) if "ip6" in asked else None,
        states=found,
        deleted=deleted,
        changed_since=since,
        changed_before=before,
        tags=tuple((name, tuple(asked[name].split(","))) for name in TAG_FILTERS if name in asked),
        locked=flag(asked["locked"], "locked") if "locked" in asked else None,
        order=_order(query, every_filter),
        limit=limit,
        marker=dict(query).get("marker"),
    )


def wants_all_tenants(query: Mapping[str, str]) -> bool:
    return "all_tenants" in query and (query["all_tenants"] == "" or flag(query["all_tenants"], "all_tenants"))


def _allowed(query: Sequence[tuple[str, str]], version: tuple[int, int], every_filter: bool) -> dict[str, str]:
    given = {name: value for name, value in query if name not in PAGING}
    if every_filter:
        return given
    allowed = FOR_ALL.union(*(names for since, names in FOR_ALL_SINCE.items() if version >= since))
    return {name: value for name, value in given.items() if name in allowed}


def _check_names(query: Sequence[tuple[str, str]], version: tuple[int, int]) -> None:
    known = {*EXACT, *REGEX, *PAGING, *FOR_ALL, "tenant_id", "project_id", "deleted", "soft_deleted", "ip6"}
    known |= {name for since, names in FOR_ALL_SINCE.items() if version >= since for name in names}
    for name, value in query:
        if name in JOINED or name.startswith("_"):
            raise BadRequest(f"Invalid filter field: {name[:100]}.")
        if version >= (2, 75) and name not in known:
            raise BadRequest(f"Additional properties are not allowed ('{name[:100]}' was unexpected)")
        if len(value) > 255 and name in EXACT:
            raise BadRequest(f"The value of {name} is too long.")


def _states(words: Sequence[str], version: tuple[int, int]) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    found: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    for word in words:
        for vm_state, tasks in server_status.states_of(word):
            inside = tuple(task for task in tasks if task is not None)
            found.append((vm_state, inside, () if inside else tuple(server_status.tasks_with_own_status(vm_state))))
    if not found and version >= (2, 38):
        raise BadRequest("Invalid status value")
    return tuple(found)


def _pattern(name: str, value: str) -> str:
    """A pattern both Python and PostgreSQL can read; 400 for one that is none."""
    if len(value) > LONGEST_PATTERN:
        raise BadRequest(f"The pattern for {name} is too long.")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise BadRequest(f"The value of {name} is not a regular expression.") from None
    return value


def _order(query: Sequence[tuple[str, str]], admin: bool) -> tuple[tuple[str, bool], ...]:
    keys = [value for name, value in query if name == "sort_key"]
    directions = [value for name, value in query if name == "sort_dir"]
    order: list[tuple[str, bool]] = []
    for index, key in enumerate(keys):
        if key in IGNORED_SORT_KEYS:
            continue
        if key not in SORT_KEYS:
            raise BadRequest(f"Invalid input for field/attribute sort_key. Value: {key[:100]}.")
        if key in ("host", "node") and not admin:
            raise Forbidden(f"Only administrators can sort servers by {key}")
        order.append((key, _descending(directions, index)))
    for direction in directions:
        _descending([direction], 0)
    down = order[-1][1] if order else True
    return tuple(dict([*order, *(() if order else (("created_at", True),)), ("id", down)]).items())


def _descending(directions: Sequence[str], index: int) -> bool:
    direction = directions[min(index, len(directions) - 1)].lower() if directions else "desc"
    if direction not in ("asc", "desc"):
        raise BadRequest("Invalid input for field/attribute sort_dir.")
    return direction == "desc"


def flag(value: str, name: str) -> bool:
    lowered = value.strip().lower()
    if lowered in ("1", "t", "true", "on", "y", "yes"):
        return True
    if lowered in ("0", "f", "false", "off", "n", "no"):
        return False
    raise BadRequest(f"Invalid value '{value[:100]}' for '{name}'.")


def moment(value: str | None, name: str) -> datetime | None:
    """An ISO 8601 moment, UTC when it names no zone."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.replace(" ", "+") if value.count(" ") == 1 and "T" in value else value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value[:100]}.") from None
