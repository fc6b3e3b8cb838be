"""``GET /servers`` as one statement. Every column in it comes from the tables in ``domain.listing``."""

from stackwire.compute.db.instances import SERVERS, listed_server
from stackwire.compute.domain.listing import ListServersRequest, StateFilter
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import SOFT_DELETED
from stackwire.core.errors import BadRequest
from stackwire.db.pool import Session
from stackwire.db.query import Conditions, SortKey, after_marker, order_by

_COUNTED = "(SELECT count(*) FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0})) {1} cardinality({0})"
_TAGGED = "EXISTS (SELECT FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0}))"
_TAG_CONDITIONS = {
    "tags": _COUNTED.replace("{1}", "="),
    "tags-any": _TAGGED,
    "not-tags": _COUNTED.replace("{1}", "<>"),
    "not-tags-any": f"NOT {_TAGGED}",
}


def _conditions(request: ListServersRequest) -> Conditions:
    conditions = Conditions("NOT i.hidden")
    for column, value in request.exact:
        conditions.where(f"i.{column} = {{}}", value)
    for column, pattern in request.patterns:
        conditions.where(f"i.{column}::text ~ {{}}", pattern)
    optional = {
        "i.project_id = {}": request.project_id,
        "e.flavor ->> 'flavorid' = {}": request.flavor,
        "coalesce(i.updated_at, i.created_at) >= {}": request.changed_since,
        "coalesce(i.updated_at, i.created_at) <= {}": request.changed_before,
        "i.locked = {}": request.locked,
    }
    _deleted(conditions, request)
    for clause, wanted in optional.items():
        if wanted is not None:
            conditions.where(clause, wanted)
    for name, tags in request.tags:
        conditions.where(_TAG_CONDITIONS[name], sorted(set(tags)))
    _address(conditions, request)
    if request.states is not None:
        conditions.where(f"({' OR '.join(_state(conditions, state) for state in request.states)})")
    return conditions


def _deleted(conditions: Conditions, request: ListServersRequest) -> None:
    """What is deleted only for a while is deleted too (``nova/db/main/api.py: instance_get_all_by_filters_sort``)."""
    if request.deleted:
        conditions.where("(i.deleted OR i.vm_state = {})", SOFT_DELETED)
    elif request.deleted is not None:
        conditions.where("NOT i.deleted")
        if not request.soft_deleted:
            conditions.where("i.vm_state <> {}", SOFT_DELETED)


def _address(conditions: Conditions, request: ListServersRequest) -> None:
    """An address of either version that begins with its pattern."""
    patterns = {4: request.ip, 6: request.ip6}
    matches = [
        f"(family(a.address) = {version} AND host(a.address) ~ {conditions.placeholder(f'^(?:{pattern})')})"
        for version, pattern in patterns.items()
        if pattern is not None
    ]
    if matches:
        conditions.where(
            f"EXISTS (SELECT FROM fixed_ips a WHERE a.instance_uuid = i.uuid AND ({' OR '.join(matches)}))"
        )


def _state(conditions: Conditions, state: StateFilter) -> str:
    vm_state, inside, outside = state
    condition = f"i.vm_state = {conditions.placeholder(vm_state)}"
    if inside:
        return f"({condition} AND i.task_state = ANY({conditions.placeholder(list(inside))}))"
    others = f"NOT i.task_state = ANY({conditions.placeholder(list(outside))})"
    return f"({condition} AND (i.task_state IS NULL OR {others}))"


async def list_page(session: Session, request: ListServersRequest) -> list[Server]:
    """BadRequest for a marker that is no server the caller sees."""
    if request.matches_nothing:
        return []
    conditions = _conditions(request)
    order = await _order(session, conditions, request)
    limit = conditions.placeholder(request.limit)
    statement = f"{SERVERS} WHERE {conditions.sql} ORDER BY {order_by(order)} LIMIT {limit}"
    return await session.read(listed_server, statement, *conditions.values)


async def _order(session: Session, conditions: Conditions, request: ListServersRequest) -> list[SortKey]:
    """The keys of the order; with a marker, a condition for what comes after it."""
    keys = [SortKey(_sortable(column), descending) for column, descending in request.order]
    if request.marker is None:
        return keys
    marked = await session.rows(
        f"SELECT {', '.join(f'{key.expression} AS k{n}' for n, key in enumerate(keys))} FROM instances i"
        " WHERE i.uuid = $1 AND ($2::text IS NULL OR i.project_id = $2)",
        request.marker,
        request.project_id,
    )
    if not marked:
        raise BadRequest(f"marker [{request.marker[:100]}] not found")
    keys = [
        SortKey(key.expression, key.descending, conditions.placeholder(marked[0][f"k{n}"]))
        for n, key in enumerate(keys)
    ]
    conditions.where(after_marker(keys))
    return keys


_NUMBERS = frozenset({"instance_type_id", "launch_index", "power_state", "progress"})
_TIMES = frozenset({"launched_at", "terminated_at", "updated_at"})
_NEVER_NULL = frozenset({"auto_disk_config", "created_at", "id", "locked"})


def _sortable(column: str) -> str:
    """NULL sorts as the least value, so that a marker in such a row has a place in the order."""
    if column in _NEVER_NULL:
        return f"i.{column}"
    if column in _NUMBERS:
        return f"coalesce(i.{column}, -1)"
    least = "'-infinity'" if column in _TIMES else "''"
    return f"coalesce(i.{column}, {least})"
