"""``GET /servers`` as one statement. Every name in it comes from the tables in ``domain.listing``."""

from typing import Any

from stackwire.compute.db.instances import SERVERS, ServerRow
from stackwire.compute.domain.listing import ListServersRequest
from stackwire.compute.domain.server import Page
from stackwire.core.errors import BadRequest
from stackwire.db.pool import Database, Session

_TAG_CONDITIONS = {
    "tags": "(SELECT count(*) FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0})) = cardinality({0})",
    "tags-any": "EXISTS (SELECT FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0}))",
    "not-tags": "(SELECT count(*) FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0})) <> cardinality({0})",
    "not-tags-any": "NOT EXISTS (SELECT FROM tags t WHERE t.instance_uuid = i.uuid AND t.tag = ANY({0}))",
}


class _Where:
    """Conditions with their values, numbered as they come."""

    def __init__(self) -> None:
        self.conditions = ["NOT i.hidden"]
        self.values: list[Any] = []

    def place(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, value: Any) -> None:
        self.conditions.append(condition.format(self.place(value)))


def _where(asked: ListServersRequest) -> _Where:
    where = _Where()
    if asked.project_id is not None:
        where.add("i.project_id = {0}", asked.project_id)
    if asked.deleted is not None:
        where.conditions.append("i.deleted" if asked.deleted else "NOT i.deleted")
    for column, value in asked.exact:
        where.add(f"i.{column} = {{0}}", value)
    for column, pattern in asked.patterns:
        where.add(f"i.{column}::text ~ {{0}}", pattern)
    if asked.flavor is not None:
        where.add("e.flavor ->> 'flavorid' = {0}", asked.flavor)
    if asked.ip is not None or asked.ip6 is not None:
        versions = ((4, asked.ip), (6, asked.ip6))
        places = [(version, where.place(f"^(?:{pattern})")) for version, pattern in versions if pattern is not None]
        matches = " OR ".join(f"(family(a.address) = {version} AND host(a.address) ~ {p})" for version, p in places)
        where.conditions.append(f"EXISTS (SELECT FROM fixed_ips a WHERE a.instance_uuid = i.uuid AND ({matches}))")
    if asked.changed_since is not None:
        where.add("coalesce(i.updated_at, i.created_at) >= {0}", asked.changed_since)
    if asked.changed_before is not None:
        where.add("coalesce(i.updated_at, i.created_at) <= {0}", asked.changed_before)
    for name, tags in asked.tags:
        where.add(_TAG_CONDITIONS[name], sorted(set(tags)))
    if asked.locked is not None:
        where.add("i.locked = {0}", asked.locked)
    if asked.states is not None:
        where.conditions.append(f"({' OR '.join(_state(where, *state) for state in asked.states)})")
    return where


def _state(where: _Where, vm_state: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> str:
    condition = f"i.vm_state = {where.place(vm_state)}"
    if inside:
        return f"({condition} AND i.task_state = ANY({where.place(list(inside))}))"
    return f"({condition} AND (i.task_state IS NULL OR NOT i.task_state = ANY({where.place(list(outside))})))"


async def page(database: Database, asked: ListServersRequest) -> Page:
    """The page asked for; BadRequest for a marker that is no server the caller sees."""
    if asked.nothing:
        return Page([], more=False)
    where = _where(asked)
    async with database.read() as session:
        if asked.marker is not None:
            await _after(session, where, asked)
        order = ", ".join(f"{_sortable(column)} {'DESC' if down else 'ASC'}" for column, down in asked.order)
        rows = await session.all(
            ServerRow,
            f"{SERVERS} WHERE {' AND '.join(where.conditions)} ORDER BY {order} LIMIT {where.place(asked.limit + 1)}",
            *where.values,
        )
    return Page([row.server() for row in rows[: asked.limit]], more=len(rows) > asked.limit)


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


async def _after(session: Session, where: _Where, asked: ListServersRequest) -> None:
    """Only what comes after the marker: lexicographic comparison over the columns of the order."""
    names = [column for column, _ in asked.order]
    marked = await session.rows(
        f"SELECT {', '.join(f'{_sortable(name)} AS {name}' for name in names)} FROM instances i"
        " WHERE i.uuid = $1 AND ($2::text IS NULL OR i.project_id = $2)",
        asked.marker,
        asked.project_id,
    )
    if not marked:
        raise BadRequest(f"marker [{(asked.marker or '')[:100]}] not found")
    places = {name: where.place(marked[0][name]) for name in names}
    branches = []
    for index, (column, down) in enumerate(asked.order):
        same = [f"{_sortable(name)} = {places[name]}" for name in names[:index]]
        branches.append(" AND ".join([*same, f"{_sortable(column)} {'<' if down else '>'} {places[column]}"]))
    where.conditions.append(f"({' OR '.join(f'({branch})' for branch in branches)})")
