"""Query strings of lists: which rows, in which order, which page. Column names come from the tables here only."""

import ast
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, VERSION, flag
from stackwire.volume.db.volumes import Query

_PAGE = frozenset(
    {
        "limit",
        "offset",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "all_tenants",
        "with_count",
        "project_id",
        "tenant_id",
    }
)
_TIMES = {"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
VOLUME_FILTERS = {
    "id": "v.id", "name": "v.name", "display_name": "v.name", "status": "v.status",
    "migration_status": "v.migration_status", "availability_zone": "v.availability_zone",
    "snapshot_id": "v.snapshot_id", "source_volid": "v.source_volid",
    "volume_type_id": "v.volume_type_id", "description": "v.description",
}  # fmt: skip
SNAPSHOT_FILTERS = {
    "id": "s.id", "name": "s.name", "display_name": "s.name", "status": "s.status", "volume_id": "s.volume_id",
}  # fmt: skip
ATTACHMENT_FILTERS = {
    "volume_id": "a.volume_id", "instance_id": "a.instance_uuid", "status": "a.attach_status",
    "attach_status": "a.attach_status",
}  # fmt: skip
VOLUME_SORTS = {
    "id": "id", "name": "name", "display_name": "name", "status": "status", "size": "size", "created_at": "created_at",
    "updated_at": "updated_at", "availability_zone": "availability_zone", "bootable": "bootable",
    "project_id": "project_id", "host": "host",
}  # fmt: skip
SNAPSHOT_SORTS = {
    "id": "id", "name": "name", "display_name": "name", "status": "status", "created_at": "created_at",
    "updated_at": "updated_at", "volume_id": "volume_id", "volume_size": "volume_size", "size": "volume_size",
    "project_id": "project_id",
}  # fmt: skip
ATTACHMENT_SORTS = {"id": "id", "created_at": "created_at", "updated_at": "updated_at", "volume_id": "volume_id"}
TYPE_SORTS = {name: name for name in ("id", "name", "created_at", "updated_at")}
_LARGEST = 2**63 - 1


_VOLUME_ONLY: dict[str, Callable[[str], Any]] = {
    "bootable": lambda text: flag(text, "bootable"),
    "multiattach": lambda text: flag(text, "multiattach"),
    "size": lambda text: _integer(text, "size", 2**31 - 1),
}


def query(
    request: web.Request, alias: str, columns: Mapping[str, str], sorts: Mapping[str, str], longest: int
) -> Query:
    """400 for anything in it that makes no sense. Whose rows: the caller's project's, more for an administrator."""
    asked = _page(request, sorts, longest)
    _projects(request, asked, alias)
    for name, value in request.query.items():
        if name not in _PAGE:
            _filter(request, asked, alias, columns, name, value)
    return asked


def type_query(request: web.Request, longest: int) -> Query:
    """The same for types, which belong to nobody. Which are public is an administrator's question."""
    asked, version = _page(request, TYPE_SORTS, longest), request[VERSION]
    for name, value in request.query.items():
        if name == "extra_specs" and version >= (3, 52):
            for key, wanted in _literal(value, name).items():
                asked.where("t.extra_specs ->> {} = {}", key, wanted)
        elif name not in _PAGE | {"is_public"} and version >= (3, 52):
            raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")
    public = request.query.get("is_public", "true")
    if request[CONTEXT].is_admin and public.lower() != "none":
        asked.where("t.is_public = {}", flag(public, "is_public"))
    return asked


def _page(request: web.Request, sorts: Mapping[str, str], longest: int) -> Query:
    asked = Query(limit=limit_of(request, longest), offset=_offset(request), order=_order(request, sorts))
    marker = request.query.get("marker")
    if marker is not None:
        asked.marker = canonical_uuid(marker) or marker
    return asked


def _projects(request: web.Request, asked: Query, alias: str) -> None:
    ctx = request[CONTEXT]
    other = request.query.get("project_id") or request.query.get("tenant_id")
    everybody = flag(request.query.get("all_tenants", "0") or "1", "all_tenants")
    if not ctx.is_admin or (not everybody and other is None):
        asked.project = ctx.project_id or ""
    if other is not None:
        asked.where(f"{alias}.project_id = {{}}", other)


def _filter(request: web.Request, asked: Query, alias: str, columns: Mapping[str, str], name: str, value: str) -> None:
    version, ctx = request[VERSION], request[CONTEXT]
    plain = name.removesuffix("~")
    if plain in columns:
        if name.endswith("~") and version < (3, 34):
            raise BadRequest("A filter with ~ needs version 3.34.")
        if name.endswith("~"):
            asked.where(f"{columns[plain]} ILIKE {{}}", _like(value))
        else:
            asked.where(f"{columns[name]} = {{}}", value)
    elif name == "metadata":
        for key, wanted in _literal(value, name).items():
            asked.where(f"{alias}.metadata ->> {{}} = {{}}", key, wanted)
    elif name == "glance_metadata" and alias == "v" and (version >= (3, 4) and ctx.is_admin):
        for key, wanted in _literal(value, name).items():
            asked.where(
                "EXISTS (SELECT 1 FROM volume_glance_metadata g WHERE g.volume_id = v.id AND NOT g.deleted"
                " AND g.key = {} AND g.value = {})",
                key,
                wanted,
            )
    elif name in _VOLUME_ONLY and alias == "v":
        asked.where(f"v.{name} = {{}}", _VOLUME_ONLY[name](value))
    elif name in ("created_at", "updated_at") and version >= (3, 60):
        _time(asked, alias, name, value)
    elif name in ("host", "user_id") and ctx.is_admin and alias == "v":
        asked.where(f"v.{name} = {{}}", value)
    elif version >= (3, 31):
        raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")


def _like(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _literal(text: str, name: str) -> dict[str, str]:
    """``{'key': 'value'}``, as the original's clients write it."""
    try:
        value = ast.literal_eval(text) if len(text) <= 4096 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise BadRequest(f"Invalid value '{text[:100]}' for filter {name}.")
    return {key: str(wanted) for key, wanted in value.items()}


def _time(asked: Query, alias: str, name: str, value: str) -> None:
    for part in value.split(","):
        operator, _, moment = part.partition(":") if part.partition(":")[0] in _TIMES else ("eq", "", part)
        try:
            when = datetime.fromisoformat(moment)
            aware = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # a zone may lead out of the calendar
            raise BadRequest(f"Invalid value '{value[:100]}' for filter {name}.") from None
        asked.where(f"{alias}.{name} {_TIMES[operator]} {{}}", aware)


def _offset(request: web.Request) -> int:
    return _integer(request.query.get("offset", "0"), "offset", _LARGEST)


def _integer(text: str, name: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > largest:
        raise BadRequest(f"Invalid value '{text[:100]}' for {name}.")
    return int(text)


def _order(request: web.Request, sorts: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Newest first unless told otherwise; the id at the end makes every order whole."""
    asked: Any = request.query
    if "sort" in asked:
        if "sort_key" in asked or "sort_dir" in asked:
            raise BadRequest("The 'sort_key' and 'sort_dir' parameters cannot be used with 'sort'.")
        pairs = [part.strip().partition(":")[::2] for part in asked["sort"].split(",")]
    else:
        pairs = [(asked.get("sort_key", "created_at"), asked.get("sort_dir", "desc"))]
    order = []
    for key, direction in pairs:
        if key not in sorts or (direction or "desc") not in ("asc", "desc"):
            raise BadRequest(f"Sort key or direction '{key[:50]}:{direction[:50]}' is not valid.")
        order.append((sorts[key], (direction or "desc") == "desc"))
    if not any(column == "id" for column, _ in order):
        order.append(("id", order[0][1]))
    return order
