"""Users, projects, domains and roles of the first start: read from a file, created if missing, never overwritten."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stackwire.core.context import system_context
from stackwire.core.settings import PUBLIC_SECRETS, is_public
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import entities, grants
from stackwire.identity.domain.entities import DOMAIN, PROJECT, ROLE, USER, EntityType
from stackwire.identity.domain.grants import GrantTarget
from stackwire.identity.domain.requests import EntityQuery, EntityRequest
from stackwire.identity.flows.api.directory import new_entity_id

Name = Annotated[str, Field(min_length=1, max_length=64)]


class SeedError(ValueError):
    """The seed file cannot be used."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    id: Name | None = None
    description: str = ""


class _DomainEntry(_Entry):
    domain: Name = "Default"


class _Role(_Entry):
    implies: tuple[Name, ...] = ()


class _User(_DomainEntry):
    """``roles``: role names by project; ``domains``: by domain; ``system``: on the whole system."""

    password: str
    default_project: Name | None = None
    roles: Mapping[str, tuple[Name, ...]] = {}
    domains: Mapping[str, tuple[Name, ...]] = {}
    system: tuple[Name, ...] = ()


class Seed(BaseModel):
    """The file's form; see the packaged ``identity.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: tuple[_Entry, ...] = ()
    role: tuple[_Role, ...] = ()
    project: tuple[_DomainEntry, ...] = ()
    user: tuple[_User, ...] = ()

    @classmethod
    def read(cls, file: Path) -> "Seed":
        """Raises SeedError that names the file and what is wrong with it."""
        try:
            seed = cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise SeedError(f"{file}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SeedError(f"{file} is not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SeedError(f"{file}: {where}: {first['msg']}") from error
        seed.check(file)
        return seed

    def with_password(self, password: str) -> "Seed":
        """With this password for users who have one that stands in this repository; none given changes nothing."""
        own = [
            user.model_copy(update={"password": password}) if password and is_public(user.password) else user
            for user in self.user
        ]
        return self.model_copy(update={"user": tuple(own)})

    def check(self, file: Path) -> None:
        """Raises SeedError unless every name that is referred to exists, and none twice."""
        for kind in ("domain", "role", "project", "user"):
            names = [entry.name for entry in getattr(self, kind)]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise SeedError(f"{file}: there are two of {kind} {twice!r}")
        known = {
            "role": {role.name for role in self.role},
            "domain": {domain.name for domain in self.domain},
            "project": {project.name for project in self.project},
        }
        for kind, name in self._references():
            if name not in known[kind]:
                raise SeedError(f"{file}: there is no {kind} named {name!r}")

    def _references(self) -> Sequence[tuple[str, str]]:
        """Type and name of everything that the entries refer to."""
        found = [("role", implied) for role in self.role for implied in role.implies]
        found += [("domain", entry.domain) for entry in (*self.project, *self.user)]
        for user in self.user:
            found += [("project", name) for name in (*user.roles, *filter(None, [user.default_project]))]
            found += [("domain", name) for name in user.domains]
            assigned = (*user.roles.values(), *user.domains.values(), user.system)
            found += [("role", role) for roles in assigned for role in roles]
        return found


async def apply_seed(database: Database, passwords: Passwords, seed: Seed) -> int:
    """Creates what is missing, in one transaction; returns how many users, projects, domains and roles were new.

    Roles are assigned to new users only, so that a role an administrator revoked stays revoked.
    """
    hashes = await _hashes_of_new_users(database, passwords, seed)
    async with database.work(system_context("identity")) as uow:
        await uow.value("SELECT pg_advisory_xact_lock(hashtext('stackwire.identity.seed'))")
        writer = _SeedWriter(uow)
        for domain in seed.domain:
            await writer.ensure(DOMAIN, domain, {"description": domain.description})
        for role in seed.role:
            await writer.ensure(ROLE, role, {"description": role.description or None})
        for role in seed.role:
            if (ROLE.name, role.name) in writer.new:
                for implied in role.implies:
                    await grants.add_implied(uow, writer.ids[ROLE.name, role.name], writer.ids[ROLE.name, implied])
        for project in seed.project:
            domain_id = writer.ids[DOMAIN.name, project.domain]
            await writer.ensure(PROJECT, project, {"domain_id": domain_id, "description": project.description})
        for user in seed.user:
            await writer.ensure_user(user, hashes.get(user.name))
    return len(writer.new)


async def check_passwords(database: Database, passwords: Passwords, seed: Seed) -> None:
    """Raises SeedError when users of the seed have a password that stands in this repository."""
    names = [user.name for user in seed.user]
    rows = await database.rows(
        "SELECT name, password_hash FROM users WHERE name = ANY ($1::text[]) ORDER BY name", names
    )
    public = [
        row["name"]
        for row in rows
        if any([await passwords.matches(secret, row["password_hash"]) for secret in PUBLIC_SECRETS])
    ]
    if public:
        raise SeedError(
            f"identity is reached from elsewhere, and the passwords of {', '.join(public)} are public:"
            " change them, or seed others (STACKWIRE_IDENTITY_SEED_PASSWORD or _SEED)"
        )


async def _hashes_of_new_users(database: Database, passwords: Passwords, seed: Seed) -> dict[str, str]:
    """Hashing is slow: it is done before the transaction, and for new users only."""
    rows = await database.rows(
        """SELECT u.name, d.name AS domain FROM users u JOIN domains d ON d.id = u.domain_id
            WHERE u.name = ANY ($1::text[])""",
        [user.name for user in seed.user],
    )
    existing = {(row["domain"], row["name"]) for row in rows}
    new = [user for user in seed.user if (user.domain, user.name) not in existing]
    return {user.name: await passwords.hashed_seed(user.password) for user in new}


class _SeedWriter:
    """Finds or creates entities by name, and remembers their ids."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self.ids: dict[tuple[str, str], str] = {}
        self.new: set[tuple[str, str]] = set()

    async def ensure(self, entity_type: EntityType, entry: _Entry, values: Mapping[str, object]) -> bool:
        """True when it had to be created."""
        key = (entity_type.name, entry.name)
        filters = {"name": entry.name, **({"domain_id": values["domain_id"]} if "domain_id" in values else {})}
        found = await entities.list_page(self._uow, entity_type, EntityQuery(filters, limit=1))
        if found:
            self.ids[key] = found[0]["id"]
            return False
        request = EntityRequest({"name": entry.name, **values})
        created = await entities.insert(self._uow, entity_type, entry.id or new_entity_id(), request)
        self.ids[key] = created["id"]
        self.new.add(key)
        return True

    async def ensure_user(self, user: _User, password_hash: str | None) -> None:
        """With the user's role assignments, if the user is new."""
        ids = self.ids
        values = {
            "domain_id": ids[DOMAIN.name, user.domain],
            "description": user.description or None,
            "password_hash": password_hash,
            "default_project_id": ids[PROJECT.name, user.default_project] if user.default_project else None,
        }
        if not await self.ensure(USER, user, values):
            return
        id = ids[USER.name, user.name]
        on_projects = {ids[PROJECT.name, name]: roles for name, roles in user.roles.items()}
        on_domains = {ids[DOMAIN.name, name]: roles for name, roles in user.domains.items()}
        assigned = [
            *((GrantTarget("user", id, "project", project_id), roles) for project_id, roles in on_projects.items()),
            *((GrantTarget("user", id, "domain", domain_id), roles) for domain_id, roles in on_domains.items()),
            (GrantTarget("user", id, "system", None), user.system),
        ]
        for target, roles in assigned:
            for role in roles:
                await grants.add(self._uow, target, ids[ROLE.name, role])
