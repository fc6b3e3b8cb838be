"""Who there is at the first start: read from a file, written where it is missing, never overwritten."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stackwire.core.context import system_context
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import grants, entities
from stackwire.identity.db.grants import Spot
from stackwire.identity.db.entities import DOMAIN, PROJECT, ROLE, USER, Noun
from stackwire.identity.flows.api.directory import new_key

Name = Annotated[str, Field(min_length=1, max_length=64)]


class SeedError(Exception):
    """The seed file cannot be used."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    id: Name | None = None
    description: str = ""


class _InDomain(_Entry):
    domain: Name = "Default"


class _Role(_Entry):
    implies: tuple[Name, ...] = ()


class _User(_InDomain):
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
    project: tuple[_InDomain, ...] = ()
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

    def check(self, file: Path) -> None:
        """Every name that is mentioned must be there, and no name twice."""
        for kind in ("domain", "role", "project", "user"):
            names = [entry.name for entry in getattr(self, kind)]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise SeedError(f"{file}: there are two of {kind} {twice!r}")
        known = {
            "role": {role.name for role in self.role},
            "domain": {domain.name for domain in self.domain},
            "project": {project.name for project in self.project},
        }
        for kind, name in self._mentioned():
            if name not in known[kind]:
                raise SeedError(f"{file}: there is no {kind} named {name!r}")

    def _mentioned(self) -> Sequence[tuple[str, str]]:
        named = [("role", implied) for role in self.role for implied in role.implies]
        named += [("domain", entry.domain) for entry in (*self.project, *self.user)]
        for user in self.user:
            named += [("project", name) for name in (*user.roles, *filter(None, [user.default_project]))]
            named += [("domain", name) for name in user.domains]
            held = (*user.roles.values(), *user.domains.values(), user.system)
            named += [("role", role) for roles in held for role in roles]
        return named


async def plant(database: Database, passwords: Passwords, seed: Seed) -> int:
    """Writes what is missing, in one transaction; answers how many users, projects, domains and roles were new.

    Assignments are given to new users only, so that a role an administrator took away stays away.
    """
    hashes = await _hashes_of_new_users(database, passwords, seed)
    async with database.work(system_context("identity")) as uow:
        await uow.value("SELECT pg_advisory_xact_lock(hashtext('stackwire.identity.seed'))")
        planter = _Planter(uow)
        for domain in seed.domain:
            await planter.ensure(DOMAIN, domain, {"description": domain.description})
        for role in seed.role:
            await planter.ensure(ROLE, role, {"description": role.description or None})
        for role in seed.role:
            if (ROLE.name, role.name) in planter.new:
                for implied in role.implies:
                    await grants.imply(uow, planter.ids[ROLE.name, role.name], planter.ids[ROLE.name, implied])
        for project in seed.project:
            domain_id = planter.ids[DOMAIN.name, project.domain]
            await planter.ensure(PROJECT, project, {"domain_id": domain_id, "description": project.description})
        for user in seed.user:
            await _plant_user(planter, user, hashes.get(user.name))
    return len(planter.new)


async def _hashes_of_new_users(database: Database, passwords: Passwords, seed: Seed) -> dict[str, str]:
    """Hashing takes its time: it is done before the transaction, and only for those who are new."""
    rows = await database.rows(
        """SELECT u.name, d.name AS domain FROM users u JOIN domains d ON d.id = u.domain_id
            WHERE u.name = ANY ($1::text[])""",
        [user.name for user in seed.user],
    )
    there = {(row["domain"], row["name"]) for row in rows}
    new = [user for user in seed.user if (user.domain, user.name) not in there]
    return {user.name: await passwords.hashed_seed(user.password) for user in new}


class _Planter:
    """Finds or makes things by name, and remembers their ids."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow
        self.ids: dict[tuple[str, str], str] = {}
        self.new: set[tuple[str, str]] = set()

    async def ensure(self, noun: Noun, entry: _Entry, values: Mapping[str, object]) -> bool:
        """True when it had to be made."""
        key = (noun.name, entry.name)
        filters = {"name": entry.name, **({"domain_id": values["domain_id"]} if "domain_id" in values else {})}
        found = await entities.find(self.uow, noun, filters, limit=1)
        if found:
            self.ids[key] = found[0]["id"]
            return False
        made = await entities.insert(self.uow, noun, entry.id or new_key(), {"name": entry.name, **values}, {})
        self.ids[key] = made["id"]
        self.new.add(key)
        return True


async def _plant_user(planter: _Planter, user: _User, password_hash: str | None) -> None:
    ids = planter.ids
    values = {
        "domain_id": ids[DOMAIN.name, user.domain],
        "description": user.description or None,
        "password_hash": password_hash,
        "default_project_id": ids[PROJECT.name, user.default_project] if user.default_project else None,
    }
    if not await planter.ensure(USER, user, values):
        return
    user_id = ids[USER.name, user.name]
    spots = [(Spot("user", user_id, "project", ids[PROJECT.name, name]), roles) for name, roles in user.roles.items()]
    spots += [(Spot("user", user_id, "domain", ids[DOMAIN.name, name]), roles) for name, roles in user.domains.items()]
    spots.append((Spot("user", user_id, "system", None), user.system))
    for spot, roles in spots:
        for role in roles:
            await grants.add(planter.uow, spot, ids[ROLE.name, role])
