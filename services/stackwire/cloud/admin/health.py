"""Whether the services of the cloud can do their work."""

from collections.abc import Sequence
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.http.request import respond


class Health(BaseModel):
    """``services``: by name; ``unavailable`` also while one starts again after a crash."""

    status: Literal["ok", "unavailable"]
    services: dict[str, Literal["ok", "unavailable"]]


class HealthHandlers:
    """Asks the services in this process."""

    def __init__(self, deps: AdminDeps) -> None:
        self._cloud = deps.cloud

    async def show(self, request: web.Request) -> web.Response:
        """200 when all are well, otherwise 503."""
        found: dict[str, Literal["ok", "unavailable"]] = {}
        for name in self._cloud.options.services:
            service = self._cloud.services.get(name)
            found[name] = "ok" if service is not None and await service.ready() else "unavailable"
        well = all(status == "ok" for status in found.values())
        health = Health(status="ok" if well else "unavailable", services=found)
        return respond(200 if well else 503, health.model_dump())


def health_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/health``."""
    return [
        AdminRoute(
            method="GET",
            path="/health",
            handler=HealthHandlers(deps).show,
            tag="health",
            summary="Whether each service is ready",
            answer=Health,
            errors=(503,),
        )
    ]
