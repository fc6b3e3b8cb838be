"""Role assignments and what roles imply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db.entities import ROLE, Row

Actor = Literal["user", "group"]
Place = Literal["project", "domain", "system"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Whose roles, where: ``place_id`` is None for the system."""

    actor: Actor
    actor_id: str
    place: Place
    place_id: str | None

    @property
    def where(self) -> str:
        """The rows of ``assignments`` for it; arguments $1 and $2 are the two ids."""
        place = {
            "project": "project_id = $2::text",
            "domain": "domain_id = $2::text",
            "system": "project_id IS NULL AND domain_id IS NULL AND $2::text IS NULL",
        }[self.place]
        return f"{self.actor}_id = $1 AND {place}"


async def add(uow: UnitOfWork, spot: Spot, role_id: str) -> None:
    """Held twice is held once. Raises ForeignKeyViolation when actor, place or role is not there."""
    columns = {f"{spot.actor}_id": spot.actor_id, "role_id": role_id}
    if spot.place != "system":
        columns[f"{spot.place}_id"] = str(spot.place_id)
    marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    sql = f"INSERT INTO assignments ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    await uow.execute(sql, *columns.values())


async def remove(uow: UnitOfWork, spot: Spot, role_id: str) -> bool:
    sql = f"DELETE FROM assignments WHERE {spot.where} AND role_id = $3"
    return bool(await uow.execute(sql, spot.actor_id, spot.place_id, role_id))


async def held(session: Session, spot: Spot, role_id: str) -> bool:
    sql = f"SELECT EXISTS (SELECT 1 FROM assignments WHERE {spot.where} AND role_id = $3)"
    return bool(await session.value(sql, spot.actor_id, spot.place_id, role_id))


async def roles_at(session: Session, spot: Spot) -> list[Row]:
    sql = f"""SELECT {ROLE.shown} FROM roles WHERE id IN (SELECT role_id FROM assignments WHERE {spot.where})
               ORDER BY id"""
    return await session.rows(sql, spot.actor_id, spot.place_id)


_EVERYONE = "SELECT user_id, group_id, project_id, domain_id, role_id FROM assignments"
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
FILTERS: Mapping[str, str] = {
    "role.id": "h.role_id", "user.id": "h.user_id", "group.id": "h.group_id",
    "scope.project.id": "h.project_id", "scope.domain.id": "h.domain_id",
}  # fmt: skip


async def assignments(
    session: Session, filters: Mapping[str, str], *, system: bool, effective: bool
) -> list[dict[str, Any]]:
    """Every assignment that matches, with the names of all it mentions; ``effective``: groups and implied roles
    taken apart, so that each row is what one user can do."""
    named = [name for name in FILTERS if name in filters]
    wheres = [f"{FILTERS[name]} = ${n}" for n, name in enumerate(named, 1)]
    if system:
        wheres.append("h.project_id IS NULL AND h.domain_id IS NULL")
    sql = _LIST.format(held=_EFFECTIVE if effective else _EVERYONE, where=" AND ".join(wheres) or "true")
    return await session.rows(sql, *(filters[name] for name in named))


async def imply(uow: UnitOfWork, prior_id: str, implied_id: str) -> None:
    """Raises ForeignKeyViolation for roles that are not there, CheckViolation for a role that implies itself."""
    sql = "INSERT INTO implied_roles (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    await uow.execute(sql, prior_id, implied_id)


async def unimply(uow: UnitOfWork, prior_id: str, implied_id: str) -> bool:
    sql = "DELETE FROM implied_roles WHERE prior_id = $1 AND implied_id = $2"
    return bool(await uow.execute(sql, prior_id, implied_id))


async def inferences(session: Session, prior_id: str | None = None) -> list[Row]:
    """Pairs of prior and implied role, with their names."""
    sql = """SELECT i.prior_id, p.name AS prior_name, i.implied_id, r.name AS implied_name
               FROM implied_roles i JOIN roles p ON p.id = i.prior_id JOIN roles r ON r.id = i.implied_id
              WHERE $1::text IS NULL OR i.prior_id = $1 ORDER BY p.name, r.name"""
    return await session.rows(sql, prior_id)
