"""Unified limits: records of what services should allow. Source: ``keystone/limit/core.py``, ``backends/sql.py``."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.errors import ForeignKeyViolation, UniqueViolation
from stackwire.db.session import Session
from stackwire.identity.db import entities, limits
from stackwire.identity.domain import errors
from stackwire.identity.domain.catalog import Catalog
from stackwire.identity.domain.entities import DOMAIN, PROJECT, Row
from stackwire.identity.flows.api.catalog import CatalogFlows
from stackwire.identity.flows.api.directory import new_entity_id
from stackwire.identity.flows.deps import IdentityDeps

MODEL = {
    "name": "flat",
    "description": "Limit enforcement and validation does not take project hierarchy into consideration.",
}
_REFERENCE = ("service_id", "region_id", "resource_name")


class Limits:
    """``kind``: registered_limit or limit. LimitNotFound for an unknown id."""

    def __init__(self, deps: IdentityDeps, catalog: CatalogFlows) -> None:
        self._deps = deps
        self._catalog = catalog

    async def create(
        self, ctx: RequestContext, kind: str, origin: str, wanted: Sequence[Mapping[str, Any]]
    ) -> list[Row]:
        """All of them or none. DuplicateLimit, NoRegisteredLimit."""
        self._deps.check_allowed(ctx, f"create_{kind}s")
        known = await self._catalog.token_catalog(origin)
        try:
            async with self._deps.database.work(ctx) as uow:
                rows = []
                for values in wanted:
                    await _check_references(uow, known, kind, values)
                    row = {"id": new_entity_id(), **values}
                    await limits.insert(uow, kind, row if kind == "registered_limit" else await _limit(uow, row))
                    rows += await limits.find(uow, kind, {"id": row["id"]})
                return rows
        except UniqueViolation as error:
            raise errors.DuplicateLimit(kind=kind) from error

    async def find(self, ctx: RequestContext, kind: str, filters: Mapping[str, str]) -> list[Row]:
        """Registered limits are everybody's to see; of limits each sees those of the own project or domain."""
        async with self._deps.database.read() as session:
            rows = await limits.find(session, kind, filters)
            if kind == "registered_limit" or ctx.system_scope or ctx.is_admin or ctx.is_service:
                return rows
            return [row for row in rows if await self._may_see(session, ctx, row)]

    async def get(self, ctx: RequestContext, kind: str, id: str) -> Row:
        """A limit is seen by its project and its domain."""
        async with self._deps.database.read() as session:
            found = await limits.find(session, kind, {"id": id})
            if kind == "limit":
                self._deps.check_allowed(ctx, "get_limit", await _target(session, found[0]) if found else {})
        return _one(kind, id, found)

    async def update(self, ctx: RequestContext, kind: str, origin: str, id: str, changes: Mapping[str, Any]) -> Row:
        """RegisteredLimitInUse while a registered one has limits. A null or zero leaves a limit as it was."""
        self._deps.check_allowed(ctx, f"update_{kind}")
        known = await self._catalog.token_catalog(origin)
        try:
            async with self._deps.database.work(ctx) as uow:
                _one(kind, id, await limits.find(uow, kind, {"id": id}))
                await _check_references(uow, known, kind, changes)
                if kind == "registered_limit" and await limits.has_limits(uow, id):
                    raise errors.RegisteredLimitInUse(id=id)
                if kind == "limit":
                    changes = {name: value for name, value in changes.items() if value}
                if changes:
                    await limits.update(uow, kind, id, changes)
                return _one(kind, id, await limits.find(uow, kind, {"id": id}))
        except UniqueViolation as error:
            raise errors.DuplicateLimit(kind=kind) from error

    async def delete(self, ctx: RequestContext, kind: str, id: str) -> None:
        """RegisteredLimitInUse while a registered one has limits."""
        self._deps.check_allowed(ctx, f"delete_{kind}")
        try:
            async with self._deps.database.work(ctx) as uow:
                if not await limits.delete(uow, kind, id):
                    raise _not_found(kind, id)
        except ForeignKeyViolation as error:
            raise errors.RegisteredLimitInUse(id=id) from error

    async def _may_see(self, session: Session, ctx: RequestContext, row: Row) -> bool:
        if ctx.project_id is not None:
            return bool(row["project_id"] == ctx.project_id)
        return ctx.domain_id is not None and ctx.domain_id in (await _target(session, row)).values()


async def _limit(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a limit: it refers to the registered limit that it is one of."""
    wanted = {name: row.get(name) for name in _REFERENCE}
    registered = await limits.find(session, "registered_limit", wanted)
    if not registered:
        raise errors.NoRegisteredLimit
    kept = {name: value for name, value in row.items() if name not in _REFERENCE}
    return {**kept, "registered_limit_id": registered[0]["id"]}


async def _check_references(session: Session, known: Catalog, kind: str, values: Mapping[str, Any]) -> None:
    """MissingAttribute for a service, region, project or domain that is none."""
    found = {
        "service_id": values.get("service_id") in known.services,
        "region_id": values.get("region_id") in known.regions,
    }
    for entity_type in (PROJECT, DOMAIN):
        name = f"{entity_type.name}_id"
        if values.get(name) is not None:
            found[name] = await entities.get(session, entity_type, values[name]) is not None
    missing = next((name for name, exists in found.items() if values.get(name) is not None and not exists), None)
    if missing is not None:
        raise errors.MissingAttribute(attribute=missing, target=kind)


async def _target(session: Session, row: Row) -> dict[str, Any]:
    target = {f"target.limit.{name}": row[name] for name in ("project_id", "domain_id") if row[name] is not None}
    if row["project_id"] is not None:
        project = await entities.get(session, PROJECT, row["project_id"])
        target["target.limit.project.domain_id"] = project["domain_id"] if project else None
    return target


def _not_found(kind: str, id: str) -> errors.LimitNotFound:
    return errors.LimitNotFound(kind=kind.replace("_", " "), id=id)


def _one(kind: str, id: str, found: Sequence[Row]) -> Row:
    if not found:
        raise _not_found(kind, id)
    return found[0]
