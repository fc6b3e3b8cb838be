"""Domains, projects, users, groups and roles: create, get, list, update, delete.

Whatever invalidates tokens (a changed password, an entity disabled or deleted) revokes them in the same transaction.
Source: ``keystone/resource/core.py``, ``keystone/identity/core.py``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unauthorized
from stackwire.core.ids import new_id
from stackwire.db.errors import ForeignKeyViolation, UniqueViolation
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db import application_credentials, credentials, entities, group_members
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain import errors
from stackwire.identity.domain.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, EntityType, Row
from stackwire.identity.domain.requests import EntityQuery, EntityRequest
from stackwire.identity.flows.deps import IdentityDeps


def new_entity_id() -> str:
    """Keystone's ids are UUIDs without dashes."""
    return new_id("identity").replace("-", "")


class Directory:
    """What requests do with entities of all types."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def create_entity(self, ctx: RequestContext, entity_type: EntityType, request: EntityRequest) -> Row:
        """DuplicateEntry for a name in use in its domain, EntityNotFound for an unknown domain or parent."""
        self._deps.check_allowed(ctx, f"create_{entity_type.name}")
        values = await self._with_hash(request.values)
        if entity_type.in_domain:
            values.setdefault("domain_id", ctx.domain_id or "default")
        if entity_type is PROJECT:
            parent_id = values.get("parent_id")
            values["parent_id"] = None if parent_id == values["domain_id"] else parent_id
        try:
            async with self._deps.database.work(ctx) as uow:
                await self._check_parent(uow, entity_type, values)
                return await entities.insert(uow, entity_type, new_entity_id(), replace(request, values=values))
        except UniqueViolation as error:
            raise errors.DuplicateEntry(entity=entity_type.name, name=values["name"]) from error
        except ForeignKeyViolation as error:
            if entity_type is PROJECT:
                raise BadRequest(f"Could not find domain: {values['domain_id']}.") from error
            raise errors.EntityNotFound(entity="domain", id=values.get("domain_id")) from error

    async def get_entity(self, ctx: RequestContext, entity_type: EntityType, id: str) -> Row:
        """EntityNotFound only to those who may read it; ForbiddenAction to others, whether it exists or not."""
        async with self._deps.database.read() as session:
            row = await entities.get(session, entity_type, id)
        self._deps.check_allowed(ctx, f"get_{entity_type.name}", _policy_target(entity_type, id, row))
        if row is None:
            raise errors.EntityNotFound(entity=entity_type.name, id=id)
        return row

    async def list_entities(self, ctx: RequestContext, entity_type: EntityType, query: EntityQuery) -> list[Row]:
        """The entities that match; to a domain-scoped reader, those of that domain."""
        filters = query.filters
        if ctx.domain_id is not None and "domain_id" in entity_type.filters:
            filters = {"domain_id": ctx.domain_id, **filters}
        target = {"target.domain_id": filters["domain_id"]} if "domain_id" in filters else {}
        self._deps.check_allowed(ctx, f"list_{entity_type.plural}", target)
        async with self._deps.database.read() as session:
            return await entities.list_page(session, entity_type, replace(query, filters=filters))

    async def update_entity(self, ctx: RequestContext, entity_type: EntityType, id: str, request: EntityRequest) -> Row:
        """DuplicateEntry for a name in use, BadRequest for a change of a fixed attribute.

        A new password or ``enabled`` false revokes the tokens concerned.
        """
        self._deps.check_allowed(ctx, f"update_{entity_type.name}")
        values = await self._with_hash(request.values)
        try:
            async with self._deps.database.work(ctx) as uow:
                row = await entities.update(uow, entity_type, id, replace(request, values=values))
                if row is None:
                    raise errors.EntityNotFound(entity=entity_type.name, id=id)
                _check_unchanged(row, request.fixed)
                if values.get("enabled") is False or "password_hash" in values:
                    await revoke(uow, self._deps.token_lifetime, [f"{entity_type.name}:{id}"])
                return row
        except UniqueViolation as error:
            raise errors.DuplicateEntry(entity=entity_type.name, name=values.get("name")) from error
        except ForeignKeyViolation as error:
            raise errors.EntityNotFound(entity="domain", id=values.get("domain_id")) from error

    async def delete_entity(self, ctx: RequestContext, entity_type: EntityType, id: str) -> None:
        """With all assignments. DomainIsEnabled for an enabled domain, ProjectHasChildren for a parent project."""
        self._deps.check_allowed(ctx, f"delete_{entity_type.name}")
        try:
            async with self._deps.database.work(ctx) as uow:
                await self._before_delete(uow, entity_type, id)
                if not await entities.delete(uow, entity_type, id):
                    raise errors.EntityNotFound(entity=entity_type.name, id=id)
        except ForeignKeyViolation as error:
            raise errors.ProjectHasChildren(id=id) from error

    async def change_password(self, ctx: RequestContext, user_id: str, original: str, new: str) -> None:
        """The user's own change. Unauthorized when the user or the old password is wrong."""
        async with self._deps.database.read() as session:
            row = await entities.get(session, USER, user_id)
        known_hash = row["password_hash"] if row and row["enabled"] else None
        if not await self._deps.passwords.matches(original, known_hash):
            raise Unauthorized
        hashed = await self._deps.passwords.hashed(new)
        async with self._deps.database.work(ctx) as uow:
            await entities.update(uow, USER, user_id, EntityRequest({"password_hash": hashed}))
            await revoke(uow, self._deps.token_lifetime, [f"user:{user_id}"])

    async def _with_hash(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A password becomes its hash; None removes it."""
        hashed = dict(values)
        if "password" in hashed:
            password = hashed.pop("password")
            hashed["password_hash"] = None if password is None else await self._deps.passwords.hashed(password)
        return hashed

    async def _check_parent(self, uow: UnitOfWork, entity_type: EntityType, values: Mapping[str, Any]) -> None:
        parent_id = values.get("parent_id")
        if entity_type is not PROJECT or parent_id is None:
            return
        parent = await entities.get(uow, PROJECT, parent_id)
        if parent is None or parent["domain_id"] != values["domain_id"]:
            raise BadRequest(f"Could not find project: {parent_id}.")

    async def _before_delete(self, uow: UnitOfWork, entity_type: EntityType, id: str) -> None:
        """Checks a domain, and revokes the tokens that the entity gave its users. What belongs to it goes with it."""
        if entity_type is DOMAIN:
            row = await entities.get(uow, DOMAIN, id)
            if row is not None and row["enabled"]:
                raise errors.DomainIsEnabled
        keys = [f"{entity_type.name}:{id}"]
        if entity_type is PROJECT:
            await entities.clear_default_project(uow, id)
            await credentials.delete_of_project(uow, id)
        if entity_type is GROUP:
            keys = [f"user:{user_id}" for user_id in await group_members.user_ids_in(uow, id)]
        if entity_type is ROLE:  # Source: keystone/assignment/core.py: _send_app_cred_notification_for_role_removal
            found = await application_credentials.ids_with_role(uow, id)
            await application_credentials.delete(uow, found)
            keys += [f"application-credential:{each}" for each in found]
        await revoke(uow, self._deps.token_lifetime, keys)


def _check_unchanged(row: Row, fixed: Mapping[str, Any]) -> None:
    changed = next((key for key, value in fixed.items() if row.get(key) != value), None)
    if changed is not None:
        raise BadRequest(f"Invalid input for field '{changed}': it cannot be changed.")


def _policy_target(entity_type: EntityType, id: str, row: Row | None) -> dict[str, str]:
    target = {f"target.{entity_type.name}.id": id}
    if row is not None and "domain_id" in row:
        target["target.domain_id"] = row["domain_id"]
    return target
