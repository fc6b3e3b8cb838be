"""``GET /servers`` as one statement. Every name in it comes from the tables in ``domain.listing``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stackwire.compute.db.instances import SERVERS, ServerRow
from stackwire.compute.domain.listing import ListServersRequest
from stackwire.compute.domain.server import Page
from stackwire.core.errors import BadRequest
from stackwire.db.pool import Database, Session
from stackwire.db.query import Conditions, SortKey, after_marker, order_by

_TAG_CONDITIONS = {
    "tags": "(SELECT count(*) FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0})) = cardinality({0})",
    "tags-any": "EXISTS (SELECT FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0}))",
    "not-tags": "(SELECT count(*) FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0})) <> cardinality({0})",
    "not-tags-any": "NOT EXISTS (SELECT FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0}))",
}


def _conditions(request: ListServersRequest) -> Conditions:
    conditions = Conditions("NOT i.hidden")
    if request.deleted is not None:
        conditions.where("i.deleted" if request.deleted else "NOT i.deleted")
    given = {
        "i.project_id = {}": request.project_id,
        "e.flavor ->> 'flavorid' = {}": request.flavor,
        "coalesce(i.updated_at, i.created_at) >= {}": request.changed_since,
        "coalesce(i.updated_at, i.created_at) <= {}": request.changed_before,
        "i.locked = {}": request.locked,
    }
    for clause, value in given.items():
        if value is not None:
            conditions.where(clause, value)
    for column, value in request.exact:
        conditions.where(f"i.{column} = {{}}", value)
    for column, pattern in request.patterns:
        conditions.where(f"i.{column}::text ~ {{}}", pattern)
    for name, tags in request.tags:
        conditions.where(_TAG_CONDITIONS[name], sorted(set(tags)))
    _add_addresses(conditions, {4: request.ip, 6: request.ip6})
    if request.states is not None:
        conditions.where(f"({' OR '.join(_state(conditions, *state) for state in request.states)})")
    return conditions


def _add_addresses(conditions: Conditions, patterns: Mapping[int, str | None]) -> None:
    """An address of this IP version begins like this; of several patterns any may match."""
    matches = [
        f"(family(a.address) = {version} AND host(a.address) ~ {conditions.placeholder(f'^(?:{pattern})')})"
        for version, pattern in patterns.items()
        if pattern is not None
    ]
    if matches:
        any_of = " OR ".join(matches)
        conditions.where(f"EXISTS (SELECT FROM fixed_ips a WHERE a.instance_uuid = i.uuid AND ({any_of}))")


def _state(conditions: Conditions, vm_state: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> str:
    condition = f"i.vm_state = {conditions.placeholder(vm_state)}"
    if inside:
        return f"({condition} AND i.task_state = ANY({conditions.placeholder(list(inside))}))"
    others = f"i.task_state IS NULL OR NOT i.task_state = ANY({conditions.placeholder(list(outside))})"
    return f"({condition} AND ({others}))"


async def list_page(database: Database, request: ListServersRequest) -> Page:
    """The requested page; BadRequest for a marker that is no server the caller may see."""
    if request.nothing:
        return Page([], more=False)
    conditions = _conditions(request)
    keys = [SortKey(_sortable(column), descending) for column, descending in request.order]
    async with database.read() as session:
        if request.marker is not None:
            conditions.where(after_marker(await _marked(session, conditions, request, keys)))
        limit = conditions.placeholder(request.limit + 1)
        sql = f"{SERVERS} WHERE {conditions.sql} ORDER BY {order_by(keys)} LIMIT {limit}"
        rows = await session.all(ServerRow, sql, *conditions.values)
    return Page([row.server() for row in rows[: request.limit]], more=len(rows) > request.limit)


_NUMBERS = frozenset({"instance_type_id", "launch_index", "power_state", "progress"})
_TIMES = frozenset({"launched_at", "terminated_at", "updated_at"})
_NEVER_NULL = frozenset({"auto_disk_config", "created_at", "id", "locked"})


def _sortable(column: str) -> str:
    """Null sorts as the least value, so that a marker in such a row has a place."""
    if column in _NEVER_NULL:
        return f"i.{column}"
    if column in _NUMBERS:
        return f"coalesce(i.{column}, -1)"
    least = "'-infinity'" if column in _TIMES else "''"
    return f"coalesce(i.{column}, {least})"


async def _marked(
    session: Session, conditions: Conditions, request: ListServersRequest, keys: Sequence[SortKey]
) -> list[SortKey]:
    """The keys with their values in the marker's row."""
    expressions = ", ".join(f"{key.expression} AS key_{number}" for number, key in enumerate(keys))
    marked = await session.rows(
        f"SELECT {expressions} FROM instances i WHERE i.uuid = $1 AND ($2::text IS NULL OR i.project_id = $2)",
        request.marker,
        request.project_id,
    )
    if not marked:
        raise BadRequest(f"marker [{(request.marker or '')[:100]}] not found")
    return [
        replace(key, marker=conditions.placeholder(value)) for key, value in zip(keys, marked[0].values(), strict=True)
    ]
