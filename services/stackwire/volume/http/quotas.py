"""/os-quota-sets."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, body, flag, respond
from stackwire.volume.domain.size_checks import MAX_SIZE_GB
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas.volume_types import QuotaClassSetBody, QuotaSetBody


class QuotaHandlers:
    """``cinder/api/contrib/quotas.py: QuotaSetsController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.quotas

    async def show(self, request: web.Request) -> web.Response:
        limits, used = await self._flows.get(request[CONTEXT], _project_id(request))
        quota_set: dict[str, Any] = dict(limits)
        if flag(request.query.get("usage", "false"), "usage"):
            quota_set = {
                name: {"limit": limit, "in_use": used[name], "reserved": 0, "allocated": 0}
                for name, limit in limits.items()
            }
        return respond(200, {"quota_set": {"id": _project_id(request), **quota_set}})

    async def show_defaults(self, request: web.Request) -> web.Response:
        defaults = await self._flows.get_defaults(request[CONTEXT], _project_id(request))
        return respond(200, {"quota_set": {"id": _project_id(request), **defaults}})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, QuotaSetBody)).quota_set
        limits = {name: _limit(name, value) for name, value in given.items() if name not in ("tenant_id", "force")}
        if not limits:
            raise BadRequest("A quota set names what it limits.")
        return respond(200, {"quota_set": await self._flows.update(request[CONTEXT], _project_id(request), limits)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], _project_id(request))
        return respond(200)


class QuotaClassHandlers:
    """/os-quota-class-sets. ``cinder/api/contrib/quota_classes.py: QuotaClassSetsController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.quotas

    async def show(self, request: web.Request) -> web.Response:
        name = request.match_info["class_name"]
        limits = await self._flows.get_class(request[CONTEXT], name)
        return respond(200, {"quota_class_set": {**limits, "id": name}})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, QuotaClassSetBody)).quota_class_set
        limits = {name: _limit(name, value) for name, value in given.items()}
        updated = await self._flows.update_class(request[CONTEXT], request.match_info["class_name"], limits)
        return respond(200, {"quota_class_set": updated})


def _project_id(request: web.Request) -> str:
    return request.match_info["target"]


def _limit(name: str, value: Any) -> int:
    """An integer, which Cinder takes as text only where no usage is held against it; BadRequest."""
    if name == "per_volume_gigabytes" and isinstance(value, str) and value.removeprefix("-").isdecimal():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"Invalid input for field/attribute {name[:100]}.")
    if not -1 <= value <= MAX_SIZE_GB:
        raise BadRequest(f"Quota limit for {name[:100]} must be between -1 and {MAX_SIZE_GB}.")
    return value
