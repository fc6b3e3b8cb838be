"""The filters, the order and the page of ``GET /servers``.

``nova/api/openstack/compute/servers.py: _get_servers``. Filters that a caller may not use are ignored, as Nova
does; what no version knows is a 400 since 2.75.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stackwire.compute.domain import server_status, states
from stackwire.compute.domain.names import names
from stackwire.core.errors import BadRequest, Forbidden


def _set(text: str) -> frozenset[str]:
    return frozenset(names(text))


EXACT = {name: name for name in names("user_id uuid host task_state vm_state image_ref")} | {"image": "image_ref"}
"""Filters by equality, and their columns."""
PATTERNS = {
    name: name
    for name in names(
        "display_name display_description hostname key_name node reservation_id availability_zone kernel_id ramdisk_id"
        " root_device_name config_drive access_ip_v4 access_ip_v6 power_state progress launch_index created_at"
        " launched_at terminated_at auto_disk_config locked_by"
    )
} | {"name": "display_name", "description": "display_description"}
"""Filters by regular expression, and their columns."""
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")


SORT_KEYS = _set(
    "access_ip_v4 access_ip_v6 auto_disk_config availability_zone config_drive created_at display_description "
    "display_name host hostname image_ref instance_type_id kernel_id key_name launch_index launched_at locked_by node "
    "power_state progress project_id ramdisk_id root_device_name task_state terminated_at updated_at user_id uuid "
    "vm_state locked"
)
IGNORED_SORT_KEYS = _set(
    "architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at disable_terminate "
    "ephemeral_gb ephemeral_key_uuid id key_data launched_on memory_mb os_type reservation_id root_gb "
    "shutdown_terminate user_data vcpus vm_mode"
)
JOINED = _set("block_device_mapping services metadata system_metadata info_cache security_groups pci_devices")
PAGING = _set("limit marker sort_key sort_dir")
FOR_ALL = _set("reservation_id name status image flavor ip changes-since all_tenants")
FOR_ALL_SINCE = {
    (2, 5): _set("ip6"),
    (2, 26): frozenset(TAG_FILTERS),
    (2, 66): _set("changes-before"),
    (2, 73): _set("locked"),
    (2, 83): _set(
        "availability_zone config_drive key_name created_at launched_at terminated_at power_state task_state vm_state"
        " progress user_id"
    ),
}
"""Filters that every user may use, and the version in which each came."""
MAX_VALUE_LENGTH = 255
Query = Sequence[tuple[str, str]]
"""The pairs of a query string."""
StateFilter = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A vm_state, the task states it must be in, the task states it must not be in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListServersRequest:
    """Which servers, in which order. ``states``: any of them. ``soft_deleted``: those whose deletion was put off, too.

    ``ip`` and ``ip6``: patterns for the beginning of an address, either of which may match. ``order``: columns of the
    server with True for descending, the tie-breaker included.
    """

    project_id: str | None = None
    exact: tuple[tuple[str, str], ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()
    flavor: str | None = None
    ip: str | None = None
    ip6: str | None = None
    states: tuple[StateFilter, ...] | None = None
    deleted: bool | None = False
    soft_deleted: bool = False
    changed_since: datetime | None = None
    changed_before: datetime | None = None
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    locked: bool | None = None
    order: tuple[tuple[str, bool], ...] = (("created_at", True), ("id", True))
    limit: int = 1000
    marker: str | None = None

    @property
    def matches_nothing(self) -> bool:
        """True when no server can match, whatever there is."""
        return self.states == ()


NEVER_EMPTY = _set(
    "access_ip_v4 access_ip_v6 auto_disk_config availability_zone config_drive created_at description"
    " display_description display_name flavor hostname ip ip6 kernel_id key_name launched_at locked_by name node"
    " power_state progress ramdisk_id reservation_id root_device_name terminated_at"
)
"""Filters that are a text or a pattern (``nova/api/validation/parameter_types.py: common_regex_param``)."""


def list_servers_request(
    query: Query, version: tuple[int, int], *, project_id: str | None, every_filter: bool, limit: int
) -> ListServersRequest:
    """The request of a query string; BadRequest, or Forbidden for deleted servers of a plain user.

    ``every_filter``: the caller is an administrator, who may also choose the project.
    """
    filters = _allowed(query, version, every_filter)
    _check_names(query, version)
    _check_empty(query, version)
    if wants_all_tenants(filters):
        project_id = _chosen_project(filters) if every_filter else None
    since, before = _changed_between(filters)
    wanted_states = _states([value for name, value in query if name == "status"], version)
    return ListServersRequest(
        project_id=project_id,
        exact=tuple((EXACT[name], value) for name, value in filters.items() if name in EXACT),
        patterns=tuple((PATTERNS[name], _pattern(name, value)) for name, value in filters.items() if name in PATTERNS),
        flavor=filters.get("flavor"),
        ip=_optional_pattern(filters, "ip"),
        ip6=_optional_pattern(filters, "ip6"),
        states=wanted_states,
        deleted=_deleted(filters, wanted_states, changed=(since, before) != (None, None), every_filter=every_filter),
        soft_deleted=bool(filters.get("soft_deleted")),
        changed_since=since,
        changed_before=before,
        tags=_tags(filters),
        locked=flag(filters["locked"], "locked") if "locked" in filters and version >= (2, 73) else None,
        order=_order(query, every_filter),
        limit=limit,
        marker=dict(query).get("marker"),
    )


def _check_empty(query: Query, version: tuple[int, int]) -> None:
    never_empty = NEVER_EMPTY | (frozenset(TAG_FILTERS) if version >= (2, 26) else frozenset())
    if empty := [name for name, value in query if not value and name in never_empty]:
        raise BadRequest(f"Invalid input for query parameters {empty[0]}. Value: . '' is not a 'regex'")


def _chosen_project(filters: Mapping[str, str]) -> str | None:
    return filters.get("project_id", filters.get("tenant_id"))


def wants_all_tenants(filters: Mapping[str, str]) -> bool:
    """``all_tenants`` without a value means yes."""
    return "all_tenants" in filters and (filters["all_tenants"] == "" or flag(filters["all_tenants"], "all_tenants"))


def _tags(filters: Mapping[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(filters[name].split(","))) for name in TAG_FILTERS if name in filters)


def _changed_between(filters: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    since, before = (parse_time(filters.get(name), name) for name in ("changes-since", "changes-before"))
    if since and before and before < since:
        raise BadRequest("changes-since must not be later than changes-before.")
    return since, before


def _deleted(
    filters: Mapping[str, str], wanted: Sequence[StateFilter] | None, *, changed: bool, every_filter: bool
) -> bool | None:
    """Whether deleted servers are listed instead of the others; None: both, as they have changed too."""
    if any(vm_state == states.DELETED for vm_state, _, _ in wanted or ()):
        if not every_filter:
            raise Forbidden("Only administrators may list deleted servers.")
        return True
    if "deleted" in filters:
        return filters["deleted"].lower() in TRUE_TEXTS
    return None if changed else False


def _allowed(query: Query, version: tuple[int, int], every_filter: bool) -> dict[str, str]:
    late = () if version >= (2, 66) else ("changes-before",)
    given = {name: value for name, value in query if name not in PAGING and name not in late}
    if every_filter:
        return given
    allowed = FOR_ALL.union(*(added for since, added in FOR_ALL_SINCE.items() if version >= since))
    return {name: value for name, value in given.items() if name in allowed}


def _check_names(query: Query, version: tuple[int, int]) -> None:
    """BadRequest for a filter that Nova refuses, or that the version does not know."""
    known = {*EXACT, *PATTERNS, *PAGING, *FOR_ALL, "tenant_id", "project_id", "deleted", "soft_deleted", "ip6"}
    known |= {name for since, added in FOR_ALL_SINCE.items() if version >= since for name in added}
    for name, value in query:
        if name in JOINED or name.startswith("_"):
            raise BadRequest(f"Invalid filter field: {name[:100]}.")
        if version >= (2, 75) and name not in known:
            raise BadRequest(f"Additional properties are not allowed ('{name[:100]}' was unexpected)")
        if len(value) > MAX_VALUE_LENGTH and name in EXACT:
            raise BadRequest(f"The value of {name} is too long.")


def _states(statuses: Sequence[str], version: tuple[int, int]) -> tuple[StateFilter, ...] | None:
    """None without a status; a status that does not exist matches nothing, since 2.38 it is a BadRequest."""
    if not statuses:
        return None
    found: list[StateFilter] = []
    for vm_state, tasks in (pair for status in statuses for pair in server_status.states_of(status)):
        inside = tuple(task for task in tasks if task is not None)
        found.append((vm_state, inside, () if inside else tuple(server_status.tasks_with_own_status(vm_state))))
    if not found and version >= (2, 38):
        raise BadRequest("Invalid status value")
    return tuple(found)


def _pattern(name: str, value: str) -> str:
    """A pattern that both Python and PostgreSQL can read; BadRequest for one that is none."""
    if len(value) > MAX_VALUE_LENGTH:
        raise BadRequest(f"The pattern for {name} is too long.")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise BadRequest(f"The value of {name} is not a regular expression.") from None
    return value


def _optional_pattern(filters: Mapping[str, str], name: str) -> str | None:
    return _pattern(name, filters[name]) if name in filters else None


def _order(query: Query, admin: bool) -> tuple[tuple[str, bool], ...]:
    """Columns with True for descending; the id decides between equals, in the direction of the last."""
    keys = [value for name, value in query if name == "sort_key"]
    directions = [_is_descending(value) for name, value in query if name == "sort_dir"] or [True]
    order: dict[str, bool] = {}
    last = True
    for index, key in enumerate(keys):
        _check_sort_key(key, admin)
        if key not in IGNORED_SORT_KEYS:
            order[key] = last = directions[min(index, len(directions) - 1)]
    return tuple(((order or {"created_at": True}) | {"id": last}).items())


def _check_sort_key(key: str, admin: bool) -> None:
    if key not in SORT_KEYS | IGNORED_SORT_KEYS:
        raise BadRequest(f"Invalid input for field/attribute sort_key. Value: {key[:100]}.")
    if key in ("host", "node") and not admin:
        raise Forbidden(f"Only administrators can sort servers by {key}")


def _is_descending(direction: str) -> bool:
    if direction.lower() not in ("asc", "desc"):
        raise BadRequest("Invalid input for field/attribute sort_dir.")
    return direction.lower() == "desc"


TRUE_TEXTS = _set("1 t true on y yes")
FALSE_TEXTS = _set("0 f false off n no")


def flag(value: str, name: str) -> bool:
    """The boolean of a filter; BadRequest for what is none."""
    lowered = value.strip().lower()
    if lowered in TRUE_TEXTS:
        return True
    if lowered in FALSE_TEXTS:
        return False
    raise BadRequest(f"Invalid value '{value[:100]}' for '{name}'.")


def parse_time(value: str | None, name: str) -> datetime | None:
    """An ISO 8601 time, UTC when it names no zone; BadRequest for what is none."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.replace(" ", "+") if value.count(" ") == 1 and "T" in value else value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value[:100]}.") from None
