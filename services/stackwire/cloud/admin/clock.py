"""The clock of the cloud: read, moved, stopped."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Self

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.core.clock import Clock
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, respond

MOST_SECONDS = 100 * 366 * 86_400
SWEEPS_TIMEOUT_SECONDS = 2.0
"""For what has become due by a move."""


class ClockView(BaseModel):
    """``ahead_seconds``: of the machine's clock; ``stopped``: each reading is a microsecond later, and no more."""

    now: AwareDatetime
    ahead_seconds: float
    stopped: bool


class ClockAnswer(BaseModel):
    """The clock."""

    clock: ClockView


class ClockAdvance(BaseModel):
    """How far it moves on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]


class ClockChange(BaseModel):
    """``now``: the moment it is set to, which may be earlier; ``stopped``: whether it stands still from then on."""

    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime | None = None
    stopped: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.now is None and self.stopped is None:
            raise ValueError("now or stopped is missing")
        if self.now is not None and not 1970 < self.now.year < 9000:
            raise ValueError("now is not between 1971 and 8999")
        return self


class ClockHandlers:
    """Handlers of ``/clock``. A move returns when the sweeps that have become due have run."""

    def __init__(self, deps: AdminDeps) -> None:
        self._cloud = deps.cloud
        self._clock: Clock = deps.cloud.clock

    async def show(self, request: web.Request) -> web.Response:
        """What time it is."""
        return self._answer()

    async def advance(self, request: web.Request) -> web.Response:
        """Moves it on."""
        wanted = await body(request, ClockAdvance)
        try:
            await self._clock.advance(timedelta(seconds=wanted.seconds))
        except OverflowError as error:
            raise BadRequest("The clock does not go that far.") from error
        return await self._settled()

    async def change(self, request: web.Request) -> web.Response:
        """Sets it, stops it, lets it go on."""
        wanted = await body(request, ClockChange)
        if wanted.stopped is False:
            self._clock.resume()
        if wanted.now is not None:
            await self._clock.set(wanted.now)
        if wanted.stopped:
            self._clock.stop()
        return await self._settled()

    async def reset(self, request: web.Request) -> web.Response:
        """The machine's time again."""
        await self._clock.reset()
        return await self._settled()

    async def _settled(self) -> web.Response:
        await self._cloud.swept(SWEEPS_TIMEOUT_SECONDS)
        return self._answer()

    def _answer(self) -> web.Response:
        ahead, now = self._clock.ahead, self._clock.now()
        view = ClockView(now=now, ahead_seconds=round(ahead.total_seconds(), 6), stopped=self._clock.is_stopped)
        return respond(200, {"clock": view.model_dump(mode="json")})


def clock_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/clock`` and what lies below."""
    handlers, path = ClockHandlers(deps), "/clock"
    return [
        AdminRoute(method="GET", path=path, handler=handlers.show, tag="clock", summary="The time", answer=ClockAnswer),
        AdminRoute(
            method="PUT",
            path=path,
            handler=handlers.change,
            tag="clock",
            summary="Set the clock, stop it, let it go on",
            body=ClockChange,
            answer=ClockAnswer,
            example={"now": "2030-01-01T00:00:00Z", "stopped": True},
        ),
        AdminRoute(
            method="DELETE",
            path=path,
            handler=handlers.reset,
            tag="clock",
            summary="Set the clock to the machine's time",
            answer=ClockAnswer,
        ),
        AdminRoute(
            method="POST",
            path=f"{path}/advance",
            handler=handlers.advance,
            tag="clock",
            summary="Move the clock on",
            body=ClockAdvance,
            answer=ClockAnswer,
            example={"seconds": 3600},
        ),
    ]
