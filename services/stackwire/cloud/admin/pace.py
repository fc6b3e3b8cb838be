"""The pace of the workers: set, and what is held let go."""

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.core.pace import PaceName
from stackwire.http.request import body, respond

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class PaceChange(BaseModel):
    """``seconds``: by RPC method, where ``realistic`` is not to be the usual."""

    model_config = ConfigDict(extra="forbid")

    name: PaceName
    seconds: dict[str, Seconds] = {}


class HeldWorkView(BaseModel):
    """A request that a worker of a service has not begun."""

    id: str
    service: str
    method: str


class PaceView(PaceChange):
    """``held``: what waits, the longest first."""

    held: list[HeldWorkView]


class PaceAnswer(BaseModel):
    """The pace."""

    pace: PaceView


class Release(BaseModel):
    """What goes on: all that is held; or that of a method, about a resource, the first so many."""

    model_config = ConfigDict(extra="forbid")

    method: str | None = None
    resource: str = ""
    count: Annotated[int, Field(gt=0)] | None = None


class Released(BaseModel):
    """How much it was."""

    released: int


class PaceHandlers:
    """Handlers of ``/pace``."""

    def __init__(self, deps: AdminDeps) -> None:
        self._pace = deps.cloud.pace

    async def show(self, request: web.Request) -> web.Response:
        """With what is held."""
        return self._answer()

    async def change(self, request: web.Request) -> web.Response:
        """What is held goes on, unless it is to be held."""
        wanted = await body(request, PaceChange)
        self._pace.set(wanted.name, wanted.seconds)
        return self._answer()

    async def release(self, request: web.Request) -> web.Response:
        """Says how much."""
        wanted = await body(request, Release)
        released = self._pace.release(method=wanted.method, about=wanted.resource, count=wanted.count)
        return respond(200, {"released": released})

    def _answer(self) -> web.Response:
        held = [HeldWorkView(id=work.id, service=work.service, method=work.method) for work in self._pace.held]
        view = PaceView(name=self._pace.name, seconds=dict(self._pace.seconds), held=held)
        return respond(200, {"pace": view.model_dump(mode="json")})


def pace_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/pace`` and what lies below."""
    handlers, path = PaceHandlers(deps), "/pace"
    return [
        AdminRoute(
            method="GET",
            path=path,
            handler=handlers.show,
            tag="pace",
            summary="The pace, and what is held",
            answer=PaceAnswer,
        ),
        AdminRoute(
            method="PUT",
            path=path,
            handler=handlers.change,
            tag="pace",
            summary="Set the pace of the workers",
            body=PaceChange,
            answer=PaceAnswer,
            example={"name": "realistic", "seconds": {"build_and_run_instance": 30}},
        ),
        AdminRoute(
            method="POST",
            path=f"{path}/release",
            handler=handlers.release,
            tag="pace",
            summary="Let what is held go on",
            body=Release,
            answer=Released,
            example={"method": "create_volume", "count": 1},
        ),
    ]
