"""Whether the cloud has finished what it was asked for."""

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.http.request import body, respond


class SettleRequest(BaseModel):
    """How long to wait."""

    model_config = ConfigDict(extra="forbid")

    timeout_seconds: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 60.0


class Settled(BaseModel):
    """``held``: how many requests its workers hold back, which are not waited for."""

    settled: bool
    held: int


class SettleHandlers:
    """Handlers of ``/settle``."""

    def __init__(self, deps: AdminDeps) -> None:
        self._cloud = deps.cloud

    async def settle(self, request: web.Request) -> web.Response:
        """Returns when no message waits and nobody works, but for what is held back."""
        wanted = await body(request, SettleRequest)
        try:
            await self._cloud.settle(wanted.timeout_seconds, but_held=True)
        except TimeoutError:
            settled = False
        else:
            settled = True
        return respond(200, Settled(settled=settled, held=len(self._cloud.pace.held)).model_dump())


def settle_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/settle``."""
    return [
        AdminRoute(
            method="POST",
            path="/settle",
            handler=SettleHandlers(deps).settle,
            tag="health",
            summary="Wait until no work is in progress",
            body=SettleRequest,
            answer=Settled,
            example={"timeout_seconds": 60},
        )
    ]
