"""Role assignments, and which roles imply others."""

from collections.abc import Mapping, Sequence

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.table import Arguments
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db.entities import columns
from stackwire.identity.domain.entities import ROLE, Row
from stackwire.identity.domain.errors import RoleNotDefined
from stackwire.identity.domain.grants import GrantTarget
from stackwire.identity.domain.requests import AssignmentQuery, RoleReference


def _condition(target: GrantTarget) -> str:
    """The rows of ``assignments`` for a target; arguments $1 and $2 are the ids of its actor and its scope."""
    scope = {
        "project": "project_id = $2::text",
        "domain": "domain_id = $2::text",
        "system": "project_id IS NULL AND domain_id IS NULL AND $2::text IS NULL",
    }[target.scope]
    return f"{target.actor}_id = $1 AND {scope}"


async def add(uow: UnitOfWork, target: GrantTarget, role_id: str) -> None:
    """Does nothing for a role that is assigned already. ForeignKeyViolation for an unknown actor, scope or role."""
    row = {f"{target.actor}_id": target.actor_id, "role_id": role_id}
    if target.scope != "system":
        row[f"{target.scope}_id"] = str(target.scope_id)
    arguments = Arguments()
    placeholders = ", ".join(arguments.placeholder(value) for value in row.values())
    sql = f"INSERT INTO assignments ({', '.join(row)}) VALUES ({placeholders}) ON CONFLICT DO NOTHING"
    await uow.execute(sql, *arguments.values)


async def remove(uow: UnitOfWork, target: GrantTarget, role_id: str) -> bool:
    """False when the role was not assigned."""
    sql = f"DELETE FROM assignments WHERE {_condition(target)} AND role_id = $3"
    return bool(await uow.execute(sql, target.actor_id, target.scope_id, role_id))


async def exists(session: Session, target: GrantTarget, role_id: str) -> bool:
    """True when the role is assigned, not counting groups and implied roles."""
    sql = f"SELECT EXISTS (SELECT 1 FROM assignments WHERE {_condition(target)} AND role_id = $3)"
    return bool(await session.value(sql, target.actor_id, target.scope_id, role_id))


async def roles_of(session: Session, target: GrantTarget) -> list[Row]:
    """The roles assigned to the target's actor there, by id."""
    sql = f"""SELECT {columns(ROLE)} FROM roles
               WHERE id IN (SELECT role_id FROM assignments WHERE {_condition(target)}) ORDER BY id"""
    return await session.rows(sql, target.actor_id, target.scope_id)


_DIRECT = "SELECT user_id, group_id, project_id, domain_id, role_id FROM assignments"
_EFFECTIVE = """
SELECT coalesce(a.user_id, m.user_id) AS user_id, NULL::text AS group_id, a.project_id, a.domain_id, e.role_id
  FROM assignments a
  LEFT JOIN group_members m ON m.group_id = a.group_id
  JOIN LATERAL (
       WITH RECURSIVE chain AS (
            SELECT a.role_id
            UNION
            SELECT i.implied_id FROM chain c JOIN implied_roles i ON i.prior_id = c.role_id)
       SELECT role_id FROM chain) e ON true
 WHERE a.user_id IS NOT NULL OR m.user_id IS NOT NULL"""
_WITH_IMPLIED = """
WITH RECURSIVE chain AS (
    SELECT unnest($1::text[]) AS role_id
    UNION
    SELECT i.implied_id FROM chain c JOIN implied_roles i ON i.prior_id = c.role_id)
SELECT role_id FROM chain"""
_LIST = """
SELECT DISTINCT h.*, u.name AS user_name, ud.id AS user_domain_id, ud.name AS user_domain_name,
       g.name AS group_name, gd.id AS group_domain_id, gd.name AS group_domain_name,
       p.name AS project_name, pd.id AS project_domain_id, pd.name AS project_domain_name,
       d.name AS domain_name, r.name AS role_name
  FROM ({held}) h
  JOIN roles r ON r.id = h.role_id
  LEFT JOIN users u ON u.id = h.user_id LEFT JOIN domains ud ON ud.id = u.domain_id
  LEFT JOIN groups g ON g.id = h.group_id LEFT JOIN domains gd ON gd.id = g.domain_id
  LEFT JOIN projects p ON p.id = h.project_id LEFT JOIN domains pd ON pd.id = p.domain_id
  LEFT JOIN domains d ON d.id = h.domain_id
 WHERE {where}
 ORDER BY r.name, u.name, g.name, p.name, d.name"""
_FILTER_COLUMNS: Mapping[str, str] = {
    "role.id": "h.role_id",
    "user.id": "h.user_id",
    "group.id": "h.group_id",
    "scope.project.id": "h.project_id",
    "scope.domain.id": "h.domain_id",
}


async def list_assignments(session: Session, query: AssignmentQuery) -> list[Row]:
    """Every assignment that matches, with the names of all entities in it."""
    conditions = Conditions()
    for name, value in query.filters.items():
        conditions.where(f"{_FILTER_COLUMNS[name]} = {{}}", value)
    if query.system:
        conditions.where("h.project_id IS NULL AND h.domain_id IS NULL")
    sql = _LIST.format(held=_EFFECTIVE if query.effective else _DIRECT, where=conditions.sql)
    return await session.rows(sql, *conditions.values)


async def role_id(session: Session, reference: RoleReference) -> str:
    """The id of a role, which need not exist; RoleNotDefined for an unknown name."""
    if reference.id is not None:
        return reference.id
    found: str | None = await session.value("SELECT id FROM roles WHERE name = $1", reference.name)
    if found is None:
        raise RoleNotDefined(name=reference.name)
    return found


async def with_implied(session: Session, role_ids: Sequence[str]) -> list[str]:
    """These roles and all that they imply."""
    rows = await session.rows(_WITH_IMPLIED, role_ids)
    return [row["role_id"] for row in rows]


async def add_implied(uow: UnitOfWork, prior_id: str, implied_id: str) -> None:
    """Raises ForeignKeyViolation for unknown roles, CheckViolation for a role that implies itself."""
    sql = "INSERT INTO implied_roles (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    await uow.execute(sql, prior_id, implied_id)


async def remove_implied(uow: UnitOfWork, prior_id: str, implied_id: str) -> bool:
    """False when the role did not imply the other."""
    sql = "DELETE FROM implied_roles WHERE prior_id = $1 AND implied_id = $2"
    return bool(await uow.execute(sql, prior_id, implied_id))


async def inferences(session: Session, prior_id: str | None = None) -> list[Row]:
    """Pairs of a prior role (all of them for None) and a role it implies, with their names."""
    sql = """SELECT i.prior_id, p.name AS prior_name, i.implied_id, r.name AS implied_name
               FROM implied_roles i JOIN roles p ON p.id = i.prior_id JOIN roles r ON r.id = i.implied_id
              WHERE $1::text IS NULL OR i.prior_id = $1 ORDER BY p.name, r.name"""
    return await session.rows(sql, prior_id)
