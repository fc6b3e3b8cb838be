"""Whether the services of the cloud can do their work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

import aiohttp
from aiohttp import web
from pydantic import BaseModel

from stackwire.cloud.admin.route import AdminRoute
from stackwire.cloud.cloud import Cloud
from stackwire.http.request import respond

HEALTH_SECONDS = 3.0


class Health(BaseModel):
    """``services``: by name; ``unavailable`` also while one starts again after a crash."""

    status: Literal["ok", "unavailable"]
    services: dict[str, Literal["ok", "unavailable"]]


Ready = Callable[[], Awaitable[dict[str, bool]]]
"""Asks each service, by name, whether it is ready."""


class HealthHandlers:
    """Handlers of ``/health``."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    async def show(self, request: web.Request) -> web.Response:
        """200 when all are well, otherwise 503."""
        ready = await self._ready()
        well = all(ready.values())
        services = {name: _word(each) for name, each in ready.items()}
        return respond(200 if well else 503, Health(status=_word(well), services=services).model_dump())


def in_process(cloud: Cloud) -> Ready:
    """Of the services in this process."""

    async def ready() -> dict[str, bool]:
        found: dict[str, bool] = {}
        for name in cloud.options.services:
            service = cloud.services.get(name)
            found[name] = service is not None and await service.ready()
        return found

    return ready


def over_http(urls: Mapping[str, str]) -> Ready:
    """Of services elsewhere."""

    async def ready() -> dict[str, bool]:
        timeout = aiohttp.ClientTimeout(total=HEALTH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            answers = await asyncio.gather(*(_answers(session, url) for url in urls.values()))
        return dict(zip(urls, answers, strict=True))

    return ready


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/healthcheck") as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _word(ready: bool) -> Literal["ok", "unavailable"]:
    return "ok" if ready else "unavailable"


def health_routes(ready: Ready) -> Sequence[AdminRoute]:
    """``/health``."""
    return [
        AdminRoute(
            method="GET",
            path="/health",
            handler=HealthHandlers(ready).show,
            tag="health",
            summary="Whether each service is ready",
            answer=Health,
            errors=(503,),
        )
    ]
