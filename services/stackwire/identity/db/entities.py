"""Domains, projects, users, groups and roles: five tables of one shape, read and written by one set of statements.

Every name that becomes part of a statement comes from the table of nouns below, never from a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noun:
    """``columns``: what a request may set; the rest of its attributes go to ``extra``. ``filters``: exact matches.

    ``computed``: columns that are shown as something else than they are stored as.
    """

    name: str
    plural: str
    columns: tuple[str, ...]
    filters: tuple[str, ...]
    computed: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        return ", ".join(f"{self.expression(column)} AS {column}" for column in ("id", *self.columns, "extra"))

    def expression(self, column: str) -> str:
        return dict(self.computed).get(column, f"{self.plural}.{column}")


DOMAIN = Noun("domain", "domains", ("name", "description", "enabled"), ("name", "enabled"))
PROJECT = Noun(
    "project", "projects", ("domain_id", "parent_id", "name", "description", "enabled", "tags"),
    ("domain_id", "parent_id", "name", "enabled"),
    # A project at the top has its domain for a parent.
    (("parent_id", "coalesce(projects.parent_id, projects.domain_id)"),),
)  # fmt: skip
USER = Noun(
    "user", "users",
    ("domain_id", "name", "description", "enabled", "password_hash", "default_project_id"),
    ("domain_id", "name", "enabled"),
)  # fmt: skip
GROUP = Noun("group", "groups", ("domain_id", "name", "description"), ("domain_id", "name"))
ROLE = Noun("role", "roles", ("name", "description"), ("name",))

TAGS = {
    "tags": "tags @> {}::text[]",
    "tags-any": "tags && {}::text[]",
    "not-tags": "NOT tags @> {}::text[]",
    "not-tags-any": "NOT tags && {}::text[]",
}
"""How projects are found by their tags."""

NOUNS = (DOMAIN, PROJECT, USER, GROUP, ROLE)


async def insert(uow: UnitOfWork, noun: Noun, id: str, values: Mapping[str, Any], extra: Mapping[str, Any]) -> Row:
    """Raises UniqueViolation for a name that is taken, ForeignKeyViolation for a domain that is not there."""
    columns = [column for column in noun.columns if column in values]
    names = ", ".join(["id", "extra", *columns])
    marks = ", ".join(f"${n}" for n in range(1, len(columns) + 3))
    sql = f"INSERT INTO {noun.plural} ({names}) VALUES ({marks}) RETURNING {noun.shown}"
    return (await uow.rows(sql, id, dict(extra), *(values[column] for column in columns)))[0]


async def update(
    uow: UnitOfWork, noun: Noun, id: str, values: Mapping[str, Any], extra: Mapping[str, Any]
) -> Row | None:
    """The row after the change; None when it is not there."""
    columns = [column for column in noun.columns if column in values]
    sets = ", ".join(["extra = extra || $2", *(f"{column} = ${n}" for n, column in enumerate(columns, 3))])
    sql = f"UPDATE {noun.plural} SET {sets} WHERE id = $1 RETURNING {noun.shown}"
    rows = await uow.rows(sql, id, dict(extra), *(values[column] for column in columns))
    return rows[0] if rows else None


async def delete(uow: UnitOfWork, noun: Noun, id: str) -> bool:
    return bool(await uow.execute(f"DELETE FROM {noun.plural} WHERE id = $1", id))


async def get(session: Session, noun: Noun, id: str, *, lock: bool = False) -> Row | None:
    """``lock``: until the end of the unit of work nobody else changes it."""
    sql = f"SELECT {noun.shown} FROM {noun.plural} WHERE id = $1{' FOR UPDATE' if lock else ''}"
    rows = await session.rows(sql, id)
    return rows[0] if rows else None


async def find(
    session: Session, noun: Noun, filters: Mapping[str, Any], *, limit: int | None = None, marker: str | None = None
) -> list[Row]:
    """Those that match every filter, by id; the page after ``marker``. For ``TAGS`` filters the value is a list."""
    names = [name for name in (*noun.filters, *TAGS) if name in filters]
    wheres = ["($1::text IS NULL OR id > $1)"]
    for n, name in enumerate(names, 3):
        wheres.append(TAGS[name].format(f"${n}") if name in TAGS else f"{noun.expression(name)} = ${n}")
    sql = f"SELECT {noun.shown} FROM {noun.plural} WHERE {' AND '.join(wheres)} ORDER BY id LIMIT $2"
    return await session.rows(sql, marker, limit, *(filters[name] for name in names))


async def projects_of(session: Session, user_id: str) -> list[Row]:
    """The enabled projects where the user holds a role, directly or through a group."""
    return await session.rows(_WHERE_HELD.format(noun=PROJECT.plural, shown=PROJECT.shown, key="project_id"), user_id)


async def domains_of(session: Session, user_id: str) -> list[Row]:
    """The enabled domains where the user holds a role, directly or through a group."""
    return await session.rows(_WHERE_HELD.format(noun=DOMAIN.plural, shown=DOMAIN.shown, key="domain_id"), user_id)


_WHERE_HELD = """
SELECT {shown} FROM {noun} WHERE enabled AND id IN (
    SELECT a.{key} FROM assignments a WHERE a.user_id = $1
    UNION
    SELECT a.{key} FROM assignments a JOIN group_members m ON m.group_id = a.group_id WHERE m.user_id = $1)
 ORDER BY id"""


async def holds_system_role(session: Session, user_id: str) -> bool:
    return bool(
        await session.value(
            """SELECT EXISTS (SELECT 1 FROM assignments a WHERE a.project_id IS NULL AND a.domain_id IS NULL
                AND (a.user_id = $1 OR a.group_id IN (SELECT group_id FROM group_members WHERE user_id = $1)))""",
            user_id,
        )
    )
