"""The catalogue as services, endpoints and regions: read only, since it is computed from settings."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden
from stackwire.identity.domain.catalog import CatalogService, Endpoint
from stackwire.identity.domain.errors import EntityNotFound
from stackwire.identity.flows.deps import IdentityDeps

ServicesAt = Callable[[str], Sequence[CatalogService]]
"""The services, given the origin at which a client reached identity."""


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_HasId)


class CatalogQueries:
    """``origin`` is scheme and host of identity as the client reached it. EntityNotFound for an unknown id."""

    def __init__(self, deps: IdentityDeps, services_at: ServicesAt, region: str) -> None:
        self._deps = deps
        self._services_at = services_at
        self.region = region

    def token_catalog(self, origin: str) -> Sequence[CatalogService]:
        """What the catalogue of a new or validated token lists."""
        return self._services_at(origin)

    def own_catalog(self, ctx: RequestContext, origin: str) -> Sequence[CatalogService]:
        """The catalogue of the caller's token; Forbidden for an unscoped one."""
        if not (ctx.project_id or ctx.domain_id or ctx.system_scope):
            raise Forbidden("You are not authorized to perform the requested action: list_catalog.")
        return self._services_at(origin)

    def list_services(self, ctx: RequestContext, origin: str) -> Sequence[CatalogService]:
        """All services."""
        self._deps.check_allowed(ctx, "list_services")
        return self._services_at(origin)

    def get_service(self, ctx: RequestContext, origin: str, id: str) -> CatalogService:
        """The service with this id."""
        self._deps.check_allowed(ctx, "get_service")
        return _by_id("service", self._services_at(origin), id)

    def list_endpoints(self, ctx: RequestContext, origin: str) -> Sequence[Endpoint]:
        """The endpoints of all services, one for each interface."""
        self._deps.check_allowed(ctx, "list_endpoints")
        return self._endpoints(origin)

    def get_endpoint(self, ctx: RequestContext, origin: str, id: str) -> Endpoint:
        """The endpoint with this id."""
        self._deps.check_allowed(ctx, "get_endpoint")
        return _by_id("endpoint", self._endpoints(origin), id)

    def get_region(self, id: str) -> str:
        """The one region, if that is its id."""
        if id != self.region:
            raise EntityNotFound(entity="region", id=id)
        return id

    def _endpoints(self, origin: str) -> Sequence[Endpoint]:
        return [endpoint for service in self._services_at(origin) for endpoint in service.endpoints]


def _by_id(entity: str, listed: Iterable[T], id: str) -> T:
    for item in listed:
        if item.id == id:
            return item
    raise EntityNotFound(entity=entity, id=id)
