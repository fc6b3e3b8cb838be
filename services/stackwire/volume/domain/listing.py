"""What a list is requested with: filters, order and page of a query string, read into one value.

``cinder/api/common.py: get_sort_params, get_pagination_params, process_general_filters``.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.listable import (
    ATTACHMENTS,
    CONSISTENCY_GROUPS,
    CONSUMES_QUOTA,
    GROUP_SNAPSHOTS,
    GROUP_TYPES,
    GROUPS,
    QOS_SPECS,
    TRANSFER_PAGES,
    TRANSFERS,
    TRUE,
    USER_VISIBLE,
    VOLUME_TYPES,
    VOLUMES,
    Listable,
    flag,
    integer,
)
from stackwire.volume.domain.names import names

_PAGE = frozenset(names("limit offset marker sort sort_key sort_dir"))
_TIME_OPERATORS = {"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
MAX_OFFSET = 2**31 - 1
_BOOLEANS = frozenset({"bootable", "multiattach"})
_FALSE_BEFORE = frozenset({"False", "false", "FALSE", ""})
"""What is false for a boolean before 3.2; anything else is true (cinder/volume/api.py: _check_boolean_filter_value)."""
_ANY_TEXT = (ATTACHMENTS, CONSISTENCY_GROUPS, GROUPS, GROUP_SNAPSHOTS)
"""Of their lists ``all_tenants`` holds whatever its value is."""
FILTERS_REFUSED = (3, 31)
"""Since then an unknown filter is refused to users; before it is ignored. To administrators it means an empty list."""
COPIES = "copies"
"""In place of a filter's column: the copies that migrations make are left out."""
NOTHING = "false"
"""In place of a filter's column: no row is wanted."""


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
    """The listing of volumes, snapshots, attachments or messages: the caller's project's, more for an administrator.

    BadRequest for a filter, an order or a value that makes no sense.
    """
    filters = [each for name, value in _wanted(listable, request) for each in _filters(listable, name, value)]
    if listable is VOLUMES and not request.is_admin:
        filters.append(Filter(COPIES, None))
    everybody = request.is_admin and _all_tenants(listable, request, filters)
    return _listing(listable, request, filters, project_id=None if everybody else request.project_id)


def _all_tenants(listable: Listable, request: ListRequest, filters: list[Filter]) -> bool:
    """What an administrator gives. Cinder takes false for the name of a filter of volumes, which none of them has."""
    text = request.get("all_tenants")
    if text is None or not listable.strict_all_tenants:
        return text is not None and (listable in _ANY_TEXT or text.strip().lower() in TRUE)
    wanted = flag(text, "all_tenants")
    if not wanted and listable is VOLUMES:
        filters.append(Filter(NOTHING, None))
    return wanted


def read_volume_types(request: ListRequest) -> Listing:
    """The listing of volume types, which belong to nobody. Only an administrator may choose between public and not.

    ``cinder/api/v3/types.py: _get_volume_types``.
    """
    wanted = [(name, value) for name, value in _wanted(VOLUME_TYPES, request, (3, 52)) if name != "is_public"]
    filters = [each for name, value in wanted for each in _type_filters(request, name, value)]
    public = request.get("is_public", "true") or ""
    if request.is_admin and public.lower() != "none":
        filters.append(Filter("is_public", flag(public, "is_public")))
    return _listing(VOLUME_TYPES, request, filters, visible_to=None if request.is_admin else request.project_id)


def read_group_types(request: ListRequest) -> Listing:
    """The listing of group types, likewise; no other filter is one (``cinder/api/v3/group_types.py``)."""
    public = (request.get("is_public", "true") or "") if request.is_admin else "true"
    filters = [] if public.lower() == "none" else [Filter("is_public", flag(public, "is_public"))]
    return _listing(GROUP_TYPES, request, filters)


def read_transfers(request: ListRequest) -> Listing:
    """The listing of transfers: the project's, everybody's for an administrator who says so. Until 3.59 the oldest come
    first, and what asks for a page is a filter that nothing meets (``cinder/api/v3/volume_transfer.py``)."""
    listing = read(TRANSFERS, request)
    found = list(listing.filters)
    if listing.project_id is not None:
        found.append(Filter("source_project_id", listing.project_id))
    if request.version >= TRANSFER_PAGES:
        return replace(listing, project_id=None, filters=tuple(found))
    if any(name in _PAGE for name, _ in request.pairs):
        found.append(Filter(NOTHING, None))
    return Listing(filters=tuple(found), order=(("created_at", False), ("id", False)))


def read_qos_specs(request: ListRequest) -> Listing:
    """The listing of QoS specs, which belong to nobody."""
    filters = [each for name, value in _wanted(QOS_SPECS, request) for each in _filters(QOS_SPECS, name, value)]
    return _listing(QOS_SPECS, request, filters)


def _type_filters(request: ListRequest, name: str, value: str) -> list[Filter]:
    """Nothing for extra specs that the caller does not see; BadRequest for what are none."""
    filters = _filters(VOLUME_TYPES, name, value)
    if name == "extra_specs" and any(each.column == NOTHING for each in filters):
        raise BadRequest(f"Invalid value '{value[:100]}' for filter {name}.")
    visible = request.is_admin or all(each.key is None or each.key in USER_VISIBLE for each in filters)
    return filters if visible else [Filter(NOTHING, None)]


def _wanted(
    listable: Listable, request: ListRequest, refused: tuple[int, int] = FILTERS_REFUSED
) -> Iterator[tuple[str, str]]:
    """The filters that count, with their values. BadRequest for those that are none of the caller's, from ``refused``
    on; before they are ignored (``cinder/api/common.py: reject_invalid_filters``)."""
    strict = request.version >= refused
    users = listable.users if strict or listable.users_before is None else listable.users_before
    for name, value in request.pairs:
        if _of_page(listable, request, name):
            continue
        if request.is_admin or name in users:
            if request.version >= listable.since.get(name, (3, 0)):
                yield _older(request.version, name, value)
        elif strict:
            raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")


def _of_page(listable: Listable, request: ListRequest, name: str) -> bool:
    counts = listable.counted and request.version >= (3, 45)
    return name in _PAGE | listable.ignored or name == "all_tenants" or (counts and name == "with_count")


def _older(version: tuple[int, int], name: str, value: str) -> tuple[str, str]:
    """The filter as versions before read it: a name that they did not know, a boolean of any spelling."""
    if name == CONSUMES_QUOTA and version < FILTERS_REFUSED:
        return NOTHING, value
    return name, str(value not in _FALSE_BEFORE) if name in _BOOLEANS and version < (3, 2) else value


def _listing(listable: Listable, request: ListRequest, filters: Sequence[Filter], **scope: str | None) -> Listing:
    marker = request.get("marker")
    return Listing(
        filters=tuple(filters),
        order=_order(listable, request),
        limit=request.limit,
        offset=integer(request.get("offset", "0") or "", "offset", MAX_OFFSET),
        marker=None if marker is None else canonical_uuid(marker) or marker,
        **scope,
    )


def _filters(listable: Listable, name: str, value: str) -> list[Filter]:
    if name in listable.filters:
        return [Filter(listable.filters[name], value)]
    if name.endswith("~") and name.removesuffix("~") in listable.filters:
        pattern = "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return [Filter(listable.filters[name.removesuffix("~")], pattern, "ILIKE")]
    if name in listable.maps:
        return _map_filters(name, value)
    if name == CONSUMES_QUOTA and name in listable.typed:
        return [] if listable.typed[name](value) else [Filter(NOTHING, None)]
    if name in listable.typed:
        read_value = listable.typed[name](value)
        return [Filter(NOTHING, None) if read_value is None else Filter(name, read_value)]
    if name in listable.times:
        return _time_filters(name, value)
    return [Filter(NOTHING, None)]


def _map_filters(name: str, text: str) -> list[Filter]:
    """``{'key': 'value'}``, as the original's clients write it; anything else matches nothing."""
    try:
        value = ast.literal_eval(text) if len(text) <= 4096 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return [Filter(NOTHING, None)]
    return [Filter(name, str(wanted), key=key) for key, wanted in value.items()]


def _time_filters(name: str, value: str) -> list[Filter]:
    """``gt:2024-01-01T00:00:00,lt:...``; without a zone UTC."""
    filters = []
    for part in value.split(","):
        operator, _, text = part.partition(":")
        try:
            time = datetime.fromisoformat(text)
            aware = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
            filters.append(Filter(name, aware, _TIME_OPERATORS[operator]))
        except (KeyError, ValueError, OverflowError):  # a zone may lead out of the calendar
            raise BadRequest(f"Invalid value '{value[:100]}' for filter {name}.") from None
    return filters


def _order(listable: Listable, request: ListRequest) -> tuple[tuple[str, bool], ...]:
    """Newest first unless requested otherwise; the id at the end makes every order total."""
    order = []
    for key, direction in _sort_pairs(request):
        unknown = key not in listable.sorts or request.version < listable.sorts_since.get(key, (3, 0))
        if unknown or direction not in ("asc", "desc"):
            raise BadRequest(f"Sort key or direction '{key[:50]}:{direction[:50]}' is not valid.")
        order.append((listable.sorts[key], direction != "asc"))
    if not any(column == "id" for column, _ in order):
        order.append(("id", order[0][1]))
    return tuple(order)


def _sort_pairs(request: ListRequest) -> list[tuple[str, str]]:
    """Keys and directions as they are given; an empty direction is the default."""
    sort = request.get("sort")
    if sort is None:
        return [
            ((request.get("sort_key", "created_at") or "").strip(), (request.get("sort_dir", "desc") or "").strip())
        ]
    if request.get("sort_key") is not None or request.get("sort_dir") is not None:
        raise BadRequest("The 'sort_key' and 'sort_dir' parameters cannot be used with 'sort'.")
    parts = (part.strip().partition(":") for part in sort.split(","))
    return [(key.strip(), direction.strip() or "desc") for key, _, direction in parts]
