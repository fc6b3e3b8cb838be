"""The states of the cloud: reset to the beginning, saved and loaded under names."""

from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.cloud.states.folder import NAME
from stackwire.cloud.states.presets import BUSY_COUNT, MOST_RESOURCES, PresetName
from stackwire.cloud.states.seed_document import SeedDocument
from stackwire.http.request import body, respond


class ResetRequest(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid")


class SaveRequest(BaseModel):
    """``replace``: whether a state of this name may go."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    replace: bool = False


class StateView(BaseModel):
    """``version``: of the program that saved it; ``rows``: how many each table has, by service."""

    name: str
    saved_at: str
    version: str
    rows: dict[str, dict[str, int]]


class StateAnswer(BaseModel):
    """One state."""

    state: StateView


class StateList(BaseModel):
    """Those that are saved, by name."""

    states: list[StateView]


class PresetRequest(BaseModel):
    """``count``: of images, of volumes and of servers that ``busy`` has."""

    model_config = ConfigDict(extra="forbid")

    name: PresetName
    count: Annotated[int, Field(gt=0, le=MOST_RESOURCES)] = BUSY_COUNT


class Seeded(BaseModel):
    """How much of each kind was created, beside what was there."""

    created: dict[str, int]


class StateHandlers:
    """Handlers of ``/reset``, ``/seed`` and ``/states``."""

    def __init__(self, deps: AdminDeps) -> None:
        self._states = deps.states

    async def reset(self, request: web.Request) -> web.Response:
        """204 when the cloud is as it was at its beginning; 409 where that is not known."""
        if request.can_read_body:
            await body(request, ResetRequest)
        await self._states.reset()
        return respond(204)

    async def list(self, request: web.Request) -> web.Response:
        """All."""
        return respond(200, {"states": [_view(found) for found in await self._states.saved()]})

    async def save(self, request: web.Request) -> web.Response:
        """201 when it is saved; 409 for a name that is taken, and while the cloud does not finish its work."""
        wanted = await body(request, SaveRequest)
        return respond(201, {"state": _view(await self._states.save(wanted.name, replace=wanted.replace))})

    async def load(self, request: web.Request) -> web.Response:
        """200 when the cloud is as it was saved; 404, and 409 for a state of another schema."""
        return respond(200, {"state": _view(await self._states.load(request.match_info["name"]))})

    async def delete(self, request: web.Request) -> web.Response:
        """204, or 404."""
        await self._states.delete(request.match_info["name"])
        return respond(204)

    async def seed(self, request: web.Request) -> web.Response:
        """200 when the cloud has all of it; 400 for what cannot be."""
        wanted = await body(request, SeedDocument)
        return respond(200, {"created": await self._states.seed(wanted)})

    async def preset(self, request: web.Request) -> web.Response:
        """200 when the cloud has all of it."""
        wanted = await body(request, PresetRequest)
        return respond(200, {"created": await self._states.apply_preset(wanted.name, wanted.count)})


def _view(found: dict[str, object]) -> dict[str, object]:
    return {name: found[name] for name in StateView.model_fields}


_SEED = {"images": [{"name": "disk", "size": "16M", "properties": {"hw_disk_bus": "scsi"}}]}
_SAVE: dict[str, Any] = {
    "body": SaveRequest,
    "answer": StateAnswer,
    "status": 201,
    "errors": (409,),
    "example": {"name": "two-servers"},
}


def state_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/reset``, ``/seed``, ``/states`` and what lies below."""
    handlers, path = StateHandlers(deps), "/states"
    table: Sequence[tuple[str, str, Any, str, dict[str, Any]]] = (
        (
            "POST",
            "/reset",
            handlers.reset,
            "Go back to the beginning",
            {"body": ResetRequest, "status": 204, "errors": (409,), "example": {}},
        ),
        (
            "POST",
            "/seed",
            handlers.seed,
            "Create what is missing of a seed",
            {"body": SeedDocument, "answer": Seeded, "example": _SEED},
        ),
        (
            "POST",
            "/seed/preset",
            handlers.preset,
            "Create what is missing of a preset",
            {"body": PresetRequest, "answer": Seeded, "example": {"name": "demo"}},
        ),
        ("GET", path, handlers.list, "Saved states", {"answer": StateList}),
        ("POST", path, handlers.save, "Save the state of the cloud", _SAVE),
        (
            "POST",
            f"{path}/{{name}}/load",
            handlers.load,
            "Load a saved state",
            {"answer": StateAnswer, "errors": (404, 409)},
        ),
        ("DELETE", f"{path}/{{name}}", handlers.delete, "Delete a saved state", {"status": 204, "errors": (404,)}),
    )
    return [
        AdminRoute(method=method, path=path, handler=handler, tag="states", summary=summary, **more)
        for method, path, handler, summary, more in table
    ]
