"""Statements on application credentials and access rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db.entities import columns
from stackwire.identity.domain.entities import ROLE, Row

_SELECT = f"""
SELECT c.id, c.user_id, c.project_id, c.name, c.description, c.secret_hash, c.expires_at, c.unrestricted, c.system,
       coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name) FROM (
                    SELECT {columns(ROLE)} FROM roles JOIN application_credential_roles a ON a.role_id = roles.id
                     WHERE a.application_credential_id = c.id) r), '[]') AS roles,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'service', r.service, 'path', r.path,
                                                     'method', r.method) ORDER BY a.position)
                   FROM access_rules r JOIN application_credential_access_rules a ON a.access_rule_id = r.id
                  WHERE a.application_credential_id = c.id), '[]') AS access_rules
  FROM application_credentials c"""
_RULE_COLUMNS = "id, service, path, method"


async def get(session: Session, id: str) -> Row | None:
    """With its roles and access rules."""
    rows = await session.rows(f"{_SELECT} WHERE c.id = $1", id)
    return rows[0] if rows else None


async def find(session: Session, user_id: str, name: str | None = None) -> list[Row]:
    """Those of a user, by name; ``name``: the one that is called so."""
    return await session.rows(
        f"{_SELECT} WHERE c.user_id = $1 AND ($2::text IS NULL OR c.name = $2) ORDER BY c.name", user_id, name
    )


async def named_by_user(session: Session, name: str, user_name: str, domain: Mapping[str, str | None]) -> Row | None:
    """The one of this name that a user of this name has; ``domain``: the user's, by ``id`` or ``name``."""
    rows = await session.rows(
        f"""{_SELECT} JOIN users u ON u.id = c.user_id JOIN domains d ON d.id = u.domain_id
            WHERE c.name = $1 AND u.name = $2 AND ($3::text IS NULL OR d.id = $3) AND ($4::text IS NULL OR d.name = $4)
        """,
        name,
        user_name,
        domain["id"],
        domain["name"],
    )
    return rows[0] if rows else None


async def insert(uow: UnitOfWork, values: Mapping[str, Any], role_ids: Sequence[str], rule_ids: Sequence[str]) -> Row:
    """UniqueViolation for a name the user has already given."""
    names = ", ".join(values)
    placeholders = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await uow.execute(f"INSERT INTO application_credentials ({names}) VALUES ({placeholders})", *values.values())
    id = values["id"]
    await uow.execute(
        "INSERT INTO application_credential_roles SELECT $1, role FROM unnest($2::text[]) AS role", id, role_ids
    )
    await uow.execute(
        """INSERT INTO application_credential_access_rules
           SELECT $1, rule, position FROM unnest($2::text[]) WITH ORDINALITY AS given (rule, position)
               ON CONFLICT DO NOTHING""",
        id,
        rule_ids,
    )
    row = await get(uow, id)
    assert row is not None
    return row


async def delete(uow: UnitOfWork, ids: Sequence[str]) -> int:
    """How many there were."""
    return await uow.execute("DELETE FROM application_credentials WHERE id = ANY ($1::text[])", ids)


async def ids_with_role(session: Session, role_id: str) -> list[str]:
    """Those of the users to whom the role is assigned on the project the credential is for."""
    rows = await session.rows(
        """SELECT c.id FROM application_credentials c JOIN assignments a
               ON a.user_id = c.user_id AND a.project_id = c.project_id WHERE a.role_id = $1""",
        role_id,
    )
    return [row["id"] for row in rows]


# -- access rules


async def get_rule(session: Session, user_id: str, id: str, *, lock: bool = False) -> Row | None:
    """The rule, if it is this user's."""
    sql = f"SELECT {_RULE_COLUMNS} FROM access_rules WHERE id = $1 AND user_id = $2{' FOR UPDATE' if lock else ''}"
    rows = await session.rows(sql, id, user_id)
    return rows[0] if rows else None


async def find_rules(session: Session, user_id: str, filters: Mapping[str, str]) -> list[Row]:
    """Those of a user, by id; ``filters``: service, path, method."""
    conditions = Conditions()
    for name, value in {"user_id": user_id, **filters}.items():
        conditions.where(f"{name} = {{}}", value)
    sql = f"SELECT {_RULE_COLUMNS} FROM access_rules WHERE {conditions.sql} ORDER BY id"
    return await session.rows(sql, *conditions.values)


async def ensure_rule(uow: UnitOfWork, user_id: str, new_id: str, rule: Mapping[str, str]) -> str:
    """The id of the user's rule that is like this one, made if there is none."""
    id: str = await uow.value(
        """INSERT INTO access_rules (id, user_id, service, path, method) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (user_id, service, path, method) DO UPDATE SET method = excluded.method RETURNING id""",
        new_id,
        user_id,
        rule["service"],
        rule["path"],
        rule["method"],
    )
    return id


async def delete_rule(uow: UnitOfWork, id: str) -> None:
    """ForeignKeyViolation while a credential has it."""
    await uow.execute("DELETE FROM access_rules WHERE id = $1", id)
