"""Domains, projects, users, groups and roles: make, show, list, change, delete.

What voids tokens (a password changed, something disabled or deleted) does so in the same transaction.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unauthorized
from stackwire.core.ids import new_id
from stackwire.core.policy import Policy
from stackwire.db.errors import ForeignKeyViolation, UniqueViolation
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import members, entities
from stackwire.identity.db.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, Noun, Row
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.errors import Absent, Duplicate, NotALeaf, NotPermitted, StillEnabled


def new_key() -> str:
    """Keystone's ids are uuids without dashes."""
    return new_id().replace("-", "")


class Directory:
    """``values`` are columns of the noun, ``extra`` whatever else its maker wants kept with it."""

    def __init__(self, database: Database, passwords: Passwords, policy: Policy, lifetime: timedelta) -> None:
        self._database = database
        self._passwords = passwords
        self._policy = policy
        self._lifetime = lifetime

    async def create(self, ctx: RequestContext, noun: Noun, values: Mapping[str, Any], extra: Mapping[str, Any]) -> Row:
        """Duplicate for a name that is taken in its domain, Absent for a domain or parent that is not there."""
        self._policy.require(ctx, f"identity:create_{noun.name}", error=NotPermitted)
        values = await self._with_hash(values)
        if "domain_id" in noun.columns:
            values.setdefault("domain_id", ctx.domain_id or "default")
        if noun is PROJECT:
            parent_id = values.get("parent_id")
            values["parent_id"] = None if parent_id == values["domain_id"] else parent_id
        try:
            async with self._database.work(ctx) as uow:
                await self._check_parent(uow, noun, values)
                return await entities.insert(uow, noun, new_key(), values, extra)
        except UniqueViolation as taken:
            raise Duplicate(kind=noun.name, name=values["name"]) from taken
        except ForeignKeyViolation as missing:
            raise Absent(kind="domain", id=values.get("domain_id")) from missing

    async def show(self, ctx: RequestContext, noun: Noun, id: str) -> Row:
        """Absent only to those who may look; everybody else is told no, whether it is there or not."""
        async with self._database.read() as session:
            row = await entities.get(session, noun, id)
        self._policy.require(ctx, f"identity:get_{noun.name}", _target(noun, id, row), NotPermitted)
        if row is None:
            raise Absent(kind=noun.name, id=id)
        return row

    async def find(
        self, ctx: RequestContext, noun: Noun, filters: Mapping[str, Any], limit: int | None, marker: str | None
    ) -> list[Row]:
        """Those that match; a domain-scoped reader sees that domain's own."""
        target = {"target.domain_id": filters["domain_id"]} if "domain_id" in filters else {}
        if ctx.domain_id is not None and "domain_id" in noun.filters and "domain_id" not in filters:
            filters = {**filters, "domain_id": ctx.domain_id}
            target = {"target.domain_id": ctx.domain_id}
        self._policy.require(ctx, f"identity:list_{noun.plural}", target, NotPermitted)
        async with self._database.read() as session:
            return await entities.find(session, noun, filters, limit=limit, marker=marker)

    async def update(
        self,
        ctx: RequestContext,
        noun: Noun,
        id: str,
        values: Mapping[str, Any],
        extra: Mapping[str, Any],
        fixed: Mapping[str, Any] | None = None,
    ) -> Row:
        """Duplicate for a name that is taken; a new password or ``enabled`` false voids the tokens concerned.

        ``fixed``: attributes that may be sent but not changed; BadRequest when they differ.
        """
        self._policy.require(ctx, f"identity:update_{noun.name}", error=NotPermitted)
        values = await self._with_hash(values)
        try:
            async with self._database.work(ctx) as uow:
                row = await entities.update(uow, noun, id, values, extra)
                if row is None:
                    raise Absent(kind=noun.name, id=id)
                moved = next((key for key, value in (fixed or {}).items() if row.get(key) != value), None)
                if moved is not None:
                    raise BadRequest(f"Invalid input for field '{moved}': it cannot be changed.")
                if values.get("enabled") is False or "password_hash" in values:
                    await revoke(uow, self._lifetime, [_token_key(noun, id)])
                return row
        except UniqueViolation as taken:
            raise Duplicate(kind=noun.name, name=values.get("name")) from taken
        except ForeignKeyViolation as missing:
            raise Absent(kind="domain", id=values.get("domain_id")) from missing

    async def delete(self, ctx: RequestContext, noun: Noun, id: str) -> None:
        """With all assignments. StillEnabled for a domain in use, NotALeaf for a project that has children."""
        self._policy.require(ctx, f"identity:delete_{noun.name}", error=NotPermitted)
        try:
            async with self._database.work(ctx) as uow:
                await self._before_delete(uow, noun, id)
                if not await entities.delete(uow, noun, id):
                    raise Absent(kind=noun.name, id=id)
        except ForeignKeyViolation as children:
            raise NotALeaf(id=id) from children

    async def tag(self, ctx: RequestContext, project_id: str, change: Callable[[list[str]], list[str]]) -> Row:
        """Changes a project's tags to what ``change`` makes of them."""
        self._policy.require(ctx, "identity:update_project", error=NotPermitted)
        async with self._database.work(ctx) as uow:
            row = await entities.get(uow, PROJECT, project_id, lock=True)
            if row is None:
                raise Absent(kind="project", id=project_id)
            changed = await entities.update(uow, PROJECT, project_id, {"tags": change(row["tags"])}, {})
            return changed or row

    async def change_password(self, ctx: RequestContext, user_id: str, original: str, new: str) -> None:
        """The user's own change. Unauthorized when the user or the old password is wrong."""
        async with self._database.read() as session:
            row = await entities.get(session, USER, user_id)
        known = row["password_hash"] if row and row["enabled"] else None
        if not await self._passwords.matches(original, known):
            raise Unauthorized
        hashed = await self._passwords.hashed(new)
        async with self._database.work(ctx) as uow:
            await entities.update(uow, USER, user_id, {"password_hash": hashed}, {})
            await revoke(uow, self._lifetime, [f"user:{user_id}"])

    async def _with_hash(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A password becomes its hash; None takes it away."""
        made = dict(values)
        if "password" in made:
            password = made.pop("password")
            made["password_hash"] = None if password is None else await self._passwords.hashed(password)
        return made

    async def _check_parent(self, uow: UnitOfWork, noun: Noun, values: Mapping[str, Any]) -> None:
        parent_id = values.get("parent_id")
        if noun is not PROJECT or parent_id is None:
            return
        parent = await entities.get(uow, PROJECT, parent_id)
        if parent is None or parent["domain_id"] != values["domain_id"]:
            raise Absent(kind="project", id=parent_id)

    async def _before_delete(self, uow: UnitOfWork, noun: Noun, id: str) -> None:
        if noun is DOMAIN:
            row = await entities.get(uow, DOMAIN, id)
            if row is not None and row["enabled"]:
                raise StillEnabled
        keys = [f"user:{user_id}" for user_id in await members.ids_of(uow, id)] if noun is GROUP else []
        if noun is not GROUP:
            keys.append(_token_key(noun, id))
        if noun is PROJECT:
            await uow.execute("UPDATE users SET default_project_id = NULL WHERE default_project_id = $1", id)
        await revoke(uow, self._lifetime, keys)


def _token_key(noun: Noun, id: str) -> str:
    return {DOMAIN.name: "domain", PROJECT.name: "project", USER.name: "user", ROLE.name: "role"}[noun.name] + f":{id}"


def _target(noun: Noun, id: str, row: Row | None) -> dict[str, str]:
    target = {f"target.{noun.name}.id": id}
    if row is not None and "domain_id" in row:
        target["target.domain_id"] = row["domain_id"]
    return target
