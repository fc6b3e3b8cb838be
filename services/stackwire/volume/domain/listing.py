"""What a list is requested with: filters, order and page of a query string, read into one value.

``cinder/api/common.py: get_sort_params, get_pagination_params, process_general_filters``.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.names import names
from stackwire.volume.domain.size_checks import MAX_SIZE_GB

_PAGE = frozenset(names("limit offset marker sort sort_key sort_dir all_tenants with_count project_id tenant_id"))
_TIME_OPERATORS = {"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
MAX_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """``column operator value``; ``key``: of a column that is a map (``glance_metadata`` is a table of its own)."""

    column: str
    value: Any
    operator: str = "="
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which rows, in which order, and from where. Names of columns come from the tables here, never from a request.

    ``project_id``: whose; None: everybody's. ``visible_to``: of volume types, a project that must have access; None: an
    administrator. ``order``: columns with True for descending, the last one unique. ``marker``: the page begins after
    the row with this id.
    """

    project_id: str | None = None
    visible_to: str | None = None
    filters: tuple[Filter, ...] = ()
    order: tuple[tuple[str, bool], ...] = (("created_at", True), ("id", True))
    limit: int = 1000
    offset: int = 0
    marker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listable:
    """What the lists of a resource may be filtered and sorted by: the name in a query string -> the column.

    ``typed``: filters whose value is no text, with what reads it; ``admin``: filters for administrators;
    ``image_metadata``: whether ``glance_metadata`` is one of those.
    """

    filters: Mapping[str, str]
    sorts: Mapping[str, str]
    typed: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    admin: frozenset[str] = frozenset()
    image_metadata: bool = False


def _same(text: str) -> dict[str, str]:
    return {name: name for name in names(text)}


VOLUMES = Listable(
    filters={
        **_same(
            "id name status migration_status availability_zone snapshot_id source_volid volume_type_id description"
        ),
        "display_name": "name",
    },
    sorts={
        **_same("id name status size created_at updated_at availability_zone bootable project_id host"),
        "display_name": "name",
    },
    typed={
        "bootable": lambda text: flag(text, "bootable"),
        "multiattach": lambda text: flag(text, "multiattach"),
        "size": lambda text: _integer(text, "size", MAX_SIZE_GB),
    },
    admin=frozenset({"host", "user_id"}),
    image_metadata=True,
)
SNAPSHOTS = Listable(
    filters={**_same("id name status volume_id"), "display_name": "name"},
    sorts={
        **_same("id name status created_at updated_at volume_id volume_size project_id"),
        "display_name": "name",
        "size": "volume_size",
    },
)
ATTACHMENTS = Listable(
    filters={
        "volume_id": "volume_id",
        "instance_id": "instance_uuid",
        "status": "attach_status",
        "attach_status": "attach_status",
    },
    sorts=_same("id created_at updated_at volume_id"),
)
USER_VISIBLE = ("RESKEY:availability_zones", "multiattach", "replication_enabled")
"""The extra specs that users see (cinder/policies/type_extra_specs.py: USER_VISIBLE_EXTRA_SPECS)."""
VOLUME_TYPES = Listable(filters={}, sorts=_same("id name created_at updated_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A query string with who sent it. ``pairs``: names and values in their order; ``limit``: the page's, checked."""

    pairs: Sequence[tuple[str, str]]
    version: tuple[int, int]
    project_id: str
    is_admin: bool
    limit: int

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of this name."""
        return next((value for key, value in self.pairs if key == name), default)


def read(listable: Listable, request: ListRequest) -> Listing:
    """The listing of volumes, snapshots or attachments: the caller's project's, more for an administrator.

    BadRequest for a filter, an order or a value that makes no sense.
    """
    filters: list[Filter] = []
    other = request.get("project_id") or request.get("tenant_id")
    all_tenants = flag(request.get("all_tenants", "0") or "1", "all_tenants")
    if other is not None:
        filters.append(Filter("project_id", other))
    for name, value in request.pairs:
        if name not in _PAGE:
            filters += _filters(listable, request, name, value)
    everybody = request.is_admin and (all_tenants or other is not None)
    return _listing(listable, request, filters, project_id=None if everybody else request.project_id)


def read_volume_types(request: ListRequest) -> Listing:
    """The listing of volume types, which belong to nobody. Only an administrator may choose between public and not."""
    filters: list[Filter] = []
    for name, value in request.pairs:
        if name == "extra_specs" and request.version >= (3, 52):
            filters += _extra_spec_filters(request, value)
        elif name not in _PAGE | {"is_public"} and request.version >= (3, 52):
            raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")
    public = request.get("is_public", "true") or ""
    if request.is_admin and public.lower() != "none":
        filters.append(Filter("is_public", flag(public, "is_public")))
    return _listing(VOLUME_TYPES, request, filters, visible_to=None if request.is_admin else request.project_id)


def _extra_spec_filters(request: ListRequest, text: str) -> list[Filter]:
    """Types with a spec that the caller does not see are not found by it: none has the empty id."""
    filters = _map_filters("extra_specs", text)
    visible = request.is_admin or all(wanted.key in USER_VISIBLE for wanted in filters)
    return filters if visible else [Filter("id", "")]


def flag(text: str, name: str) -> bool:
    """A boolean of a query string as oslo.utils' strict ``bool_from_string`` reads it; BadRequest otherwise."""
    lowered = text.strip().lower()
    if lowered not in TRUE | _FALSE:
        raise BadRequest(f"Invalid value '{text[:200]}' for '{name}'.")
    return lowered in TRUE


def _listing(listable: Listable, request: ListRequest, filters: Sequence[Filter], **scope: str | None) -> Listing:
    marker = request.get("marker")
    return Listing(
        filters=tuple(filters),
        order=_order(listable, request),
        limit=request.limit,
        offset=_integer(request.get("offset", "0") or "", "offset", MAX_OFFSET),
        marker=None if marker is None else canonical_uuid(marker) or marker,
        **scope,
    )


def _filters(listable: Listable, request: ListRequest, name: str, value: str) -> list[Filter]:
    if name.removesuffix("~") in listable.filters:
        return [_text_filter(listable, request, name, value)]
    if name == "metadata" or (name == "glance_metadata" and _may_filter_image_metadata(listable, request)):
        return _map_filters(name, value)
    if name in listable.typed:
        return [Filter(name, listable.typed[name](value))]
    if name in ("created_at", "updated_at") and request.version >= (3, 60):
        return _time_filters(name, value)
    if name in listable.admin and request.is_admin:
        return [Filter(name, value)]
    if request.version >= (3, 31):
        raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")
    return []


def _text_filter(listable: Listable, request: ListRequest, name: str, value: str) -> Filter:
    if not name.endswith("~"):
        return Filter(listable.filters[name], value)
    if request.version < (3, 34):
        raise BadRequest("A filter with ~ needs version 3.34.")
    pattern = "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return Filter(listable.filters[name.removesuffix("~")], pattern, "ILIKE")


def _may_filter_image_metadata(listable: Listable, request: ListRequest) -> bool:
    return listable.image_metadata and request.is_admin and request.version >= (3, 4)


def _map_filters(name: str, text: str) -> list[Filter]:
    """``{'key': 'value'}``, as the original's clients write it."""
    try:
        value = ast.literal_eval(text) if len(text) <= 4096 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadRequest(f"Invalid value '{text[:100]}' for filter {name}.")
    return [Filter(name, str(wanted), key=key) for key, wanted in value.items()]


def _time_filters(name: str, value: str) -> list[Filter]:
    """``gt:2024-01-01T00:00:00,lt:...``; without a zone UTC."""
    filters = []
    for part in value.split(","):
        operator, _, text = part.partition(":") if part.partition(":")[0] in _TIME_OPERATORS else ("eq", "", part)
        try:
            time = datetime.fromisoformat(text)
            aware = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # a zone may lead out of the calendar
            raise BadRequest(f"Invalid value '{value[:100]}' for filter {name}.") from None
        filters.append(Filter(name, aware, _TIME_OPERATORS[operator]))
    return filters


def _integer(text: str, name: str, maximum: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > maximum:
        raise BadRequest(f"Invalid value '{text[:100]}' for {name}.")
    return int(text)


def _order(listable: Listable, request: ListRequest) -> tuple[tuple[str, bool], ...]:
    """Newest first unless requested otherwise; the id at the end makes every order total."""
    order = []
    for key, direction in _sort_pairs(request):
        if key not in listable.sorts or direction not in ("asc", "desc", ""):
            raise BadRequest(f"Sort key or direction '{key[:50]}:{direction[:50]}' is not valid.")
        order.append((listable.sorts[key], direction != "asc"))
    if not any(column == "id" for column, _ in order):
        order.append(("id", order[0][1]))
    return tuple(order)


def _sort_pairs(request: ListRequest) -> list[tuple[str, str]]:
    """Keys and directions as they are given; an empty direction is the default."""
    sort = request.get("sort")
    if sort is None:
        return [(request.get("sort_key", "created_at") or "", request.get("sort_dir", "desc") or "")]
    if request.get("sort_key") is not None or request.get("sort_dir") is not None:
        raise BadRequest("The 'sort_key' and 'sort_dir' parameters cannot be used with 'sort'.")
    parts = (part.strip().partition(":") for part in sort.split(","))
    return [(key, direction) for key, _, direction in parts]
