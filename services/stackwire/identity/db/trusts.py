"""Statements on trusts."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db.entities import columns
from stackwire.identity.domain.entities import ROLE, Row

_COLUMNS = """t.id, t.trustor_user_id, t.trustee_user_id, t.project_id, t.impersonation, t.expires_at, t.remaining_uses,
       t.redelegated_trust_id, t.redelegation_count, t.extra"""
_SELECT = f"""
SELECT {_COLUMNS}, coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name) FROM (
           SELECT {columns(ROLE)} FROM roles JOIN trust_roles a ON a.role_id = roles.id
            WHERE a.trust_id = t.id) r), '[]') AS roles
  FROM trusts t"""
_USABLE = "(t.expires_at IS NULL OR t.expires_at >= $2) AND (t.remaining_uses IS NULL OR t.remaining_uses > 0)"
_CHAIN = f"""
WITH RECURSIVE chain AS (
    SELECT t.*, 0 AS depth FROM trusts t WHERE t.id = $1
    UNION ALL
    SELECT t.*, chain.depth + 1 FROM chain JOIN trusts t ON t.id = chain.redelegated_trust_id
)
SELECT {_COLUMNS}, coalesce((SELECT jsonb_agg(jsonb_build_object('id', a.role_id)) FROM trust_roles a
                              WHERE a.trust_id = t.id), '[]') AS roles,
       u.enabled AS trustee_enabled
  FROM chain t JOIN users u ON u.id = t.trustee_user_id ORDER BY depth"""
_WITH_REDELEGATED = """
WITH RECURSIVE redelegated AS (
    SELECT id FROM trusts WHERE id = $1
    UNION
    SELECT t.id FROM redelegated JOIN trusts t ON t.redelegated_trust_id = redelegated.id
) SELECT id FROM redelegated"""


async def get(session: Session, id: str, now: Any) -> Row | None:
    """With its roles; None once it is over, by time or by uses."""
    rows = await session.rows(f"{_SELECT} WHERE t.id = $1 AND {_USABLE}", id, now)
    return rows[0] if rows else None


async def pedigree(session: Session, id: str) -> list[Row]:
    """The trust, the one it was redelegated from, and so on; each with ``trustee_enabled``."""
    return await session.rows(_CHAIN, id)


async def find(session: Session, filters: Mapping[str, str]) -> list[Row]:
    """``filters``: trustor_user_id or trustee_user_id."""
    conditions = Conditions()
    for name, value in filters.items():
        conditions.where(f"t.{name} = {{}}", value)
    sql = f"SELECT {_COLUMNS} FROM trusts t WHERE {conditions.sql} ORDER BY t.id"
    return await session.rows(sql, *conditions.values)


async def insert(uow: UnitOfWork, values: Mapping[str, Any], role_ids: Sequence[str]) -> None:
    """ForeignKeyViolation for an unknown user, project or role."""
    names = ", ".join(values)
    placeholders = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await uow.execute(f"INSERT INTO trusts ({names}) VALUES ({placeholders})", *values.values())
    await uow.execute(
        "INSERT INTO trust_roles SELECT DISTINCT $1, role FROM unnest($2::text[]) AS role", values["id"], role_ids
    )


async def consume(uow: UnitOfWork, id: str) -> bool:
    """Uses it once; False when it was used up."""
    return bool(
        await uow.execute(
            """UPDATE trusts SET remaining_uses = remaining_uses - 1
                WHERE id = $1 AND (remaining_uses IS NULL OR remaining_uses > 0)""",
            id,
        )
    )


async def delete(uow: UnitOfWork, id: str) -> list[str]:
    """Removes the trust and all that were redelegated from it; their ids."""
    ids = [row["id"] for row in await uow.rows(_WITH_REDELEGATED, id)]
    await uow.execute("DELETE FROM trusts WHERE id = $1", id)
    return ids
