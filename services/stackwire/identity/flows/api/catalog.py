"""Services, endpoints and regions. Source: ``keystone/catalog/core.py``, ``keystone/api/endpoints.py``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db import catalog as stored
from stackwire.identity.domain import errors
from stackwire.identity.domain.catalog import Catalog, CatalogService, by_settings, changed, is_url
from stackwire.identity.domain.entities import Row
from stackwire.identity.flows.api.directory import new_entity_id
from stackwire.identity.flows.deps import IdentityDeps

ServicesAt = Callable[[str], Sequence[CatalogService]]
"""The services of the settings, given the origin at which a client reached identity."""
_NEW: Mapping[str, Mapping[str, Any]] = {
    "service": {"name": "", "enabled": True},
    "endpoint": {"region_id": None, "enabled": True},
    "region": {"description": "", "parent_region_id": None},
}
_COLUMNS: Mapping[str, frozenset[str]] = {
    "service": frozenset({"type", "name", "enabled"}),
    "endpoint": frozenset({"service_id", "interface", "region_id", "url", "enabled"}),
    "region": frozenset({"description", "parent_region_id"}),
}


class CatalogFlows:
    """``origin`` is scheme and host of identity as the client reached it. EntityNotFound for an unknown id."""

    def __init__(self, deps: IdentityDeps, services_at: ServicesAt, region: str) -> None:
        self._deps = deps
        self._services_at = services_at
        self._region = region

    async def token_catalog(self, origin: str) -> Catalog:
        """What the catalogue of a new or validated token lists."""
        return changed(by_settings(self._services_at(origin), self._region), await stored.load(self._deps.database))

    async def own_catalog(self, ctx: RequestContext, origin: str) -> Catalog:
        """The catalogue of the caller's token; Forbidden for an unscoped one."""
        if not (ctx.project_id or ctx.domain_id or ctx.system_scope):
            raise Forbidden("You are not authorized to perform the requested action: list_catalog.")
        return await self.token_catalog(origin)

    async def find(self, ctx: RequestContext, kind: str, origin: str, filters: Mapping[str, str]) -> list[Row]:
        """Everything of a kind that equals the filters; regions anybody may list."""
        if kind != "region":
            self._deps.check_allowed(ctx, f"list_{kind}s")
        rows = (await self.token_catalog(origin)).rows(kind).values()
        return [row for row in rows if all(row[name] == value for name, value in filters.items())]

    async def get(self, ctx: RequestContext, kind: str, origin: str, id: str) -> Row:
        """One of a kind."""
        if kind != "region":
            self._deps.check_allowed(ctx, f"get_{kind}")
        return (await self.token_catalog(origin)).one(kind, id)

    async def create(self, ctx: RequestContext, kind: str, origin: str, values: Mapping[str, Any]) -> Row:
        """``values``: all attributes; those that are no columns are kept. DuplicateRegion for a region's id in use."""
        self._deps.check_allowed(ctx, f"create_{kind}")
        async with self._deps.database.work(ctx) as uow:
            known = await self._locked(uow, origin)
            values = await self._checked(uow, kind, known, values)
            id = values.get("id") or new_entity_id()
            if kind == "region" and id in known.regions:
                raise errors.DuplicateRegion(id=id)
            row = {"id": id, **_NEW[kind], **_split(kind, values), "deleted": False}
            await stored.put(uow, kind, row)
        return row

    async def update(self, ctx: RequestContext, kind: str, origin: str, id: str, values: Mapping[str, Any]) -> Row:
        """Only the attributes that were sent."""
        self._deps.check_allowed(ctx, f"update_{kind}")
        if values.get("id", id) != id:
            raise errors.FixedId
        async with self._deps.database.work(ctx) as uow:
            known = await self._locked(uow, origin)
            row = known.one(kind, id)
            values = await self._checked(uow, kind, known, values, id)
            changes = _split(kind, values)
            extra = {**row["extra"], **changes.pop("extra")}
            row = {**row, **changes, "extra": extra}
            kept = row if kind != "endpoint" or "url" in values else {**row, "url": await self._own_url(uow, id)}
            await stored.put(uow, kind, {**kept, "deleted": False})
        return row

    async def delete(self, ctx: RequestContext, kind: str, origin: str, id: str) -> None:
        """A service with its endpoints; a region with those below it, unless an endpoint is in one of them."""
        self._deps.check_allowed(ctx, f"delete_{kind}")
        async with self._deps.database.work(ctx) as uow:
            known = await self._locked(uow, origin)
            row = known.one(kind, id)
            ids = known.regions_below(id) if kind == "region" else {id}
            if kind == "region" and any(each["region_id"] in ids for each in known.endpoints.values()):
                raise errors.RegionInUse(id=id)
            for each in ids:
                await stored.put(uow, kind, {**known.one(kind, each), "deleted": True})
            if kind == "service":
                for endpoint in known.endpoints.values():
                    if endpoint["service_id"] == row["id"]:
                        await stored.put(uow, "endpoint", {**endpoint, "deleted": True})

    async def _locked(self, uow: UnitOfWork, origin: str) -> Catalog:
        await stored.lock(uow)
        return changed(by_settings(self._services_at(origin), self._region), await stored.load(uow))

    async def _own_url(self, session: Session, id: str) -> str | None:
        """The URL that an administrator gave the endpoint; None while the settings give it."""
        rows = (await stored.load(session))["endpoint"]
        return next((row["url"] for row in rows if row["id"] == id), None)

    async def _checked(
        self, uow: UnitOfWork, kind: str, known: Catalog, values: Mapping[str, Any], id: str | None = None
    ) -> Mapping[str, Any]:
        """What the values refer to exists; a region that an endpoint names by ``region`` is made for it."""
        if kind == "endpoint":
            return await _checked_endpoint(uow, known, values)
        parent_id = values.get("parent_region_id")
        if kind == "region" and parent_id is not None:
            known.one("region", parent_id)
            if id is not None and parent_id in known.regions_below(id):
                raise errors.CircularRegions(id=id)
        if kind == "region" and "description" in values:
            return {**values, "description": values["description"] or ""}
        return values


async def _checked_endpoint(uow: UnitOfWork, known: Catalog, values: Mapping[str, Any]) -> Mapping[str, Any]:
    region = values.get("region")
    values = {key: value for key, value in values.items() if key != "region"}
    if values.get("region_id") is None and region is not None:
        values["region_id"] = region
        if region not in known.regions:
            await stored.put(uow, "region", {"id": region, **_NEW["region"], "extra": {}, "deleted": False})
    elif values.get("region_id") is not None and values["region_id"] not in known.regions:
        raise errors.MissingAttribute(attribute="endpoint region_id", target="region table")
    if "service_id" in values and values["service_id"] not in known.services:
        raise errors.MissingAttribute(attribute="endpoint service_id", target="service table")
    if "url" in values and not is_url(values["url"]):
        raise errors.InvalidEndpointUrl(url=values["url"])
    return values


def _split(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns among the values, and all others as ``extra``."""
    columns = _COLUMNS[kind]
    split: dict[str, Any] = {key: value for key, value in values.items() if key in columns}
    return {**split, "extra": {key: value for key, value in values.items() if key not in columns and key != "id"}}
