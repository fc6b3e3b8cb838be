"""The volume service as the cinder store asks it: its REST API, as the service's own user or as the caller."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import NotFound, ServiceError, Unauthorized, Unavailable
from stackwire.http.client import HttpClient
from stackwire.http.request import parse_json
from stackwire.http.service_user import ServiceUser

VERSION = {"OpenStack-API-Version": "volume 3.70", "Content-Type": "application/json"}
GIBIBYTE = 1024**3
AVAILABLE, ERROR = "available", "error"
_PAUSE = 0.1  # seconds between two looks at a volume
_PAGE = 500
_LONGEST = 16 * 1024**2  # bytes of an answer

Shown = dict[str, Any]
"""A volume, a snapshot or an attachment as the API shows it."""


@dataclass(frozen=True, slots=True)
class Attached:
    """``path``: where the host that is told finds the volume, below what it shares with the back end."""

    id: str
    path: str


class VolumeApi:
    """``ctx`` None is the service's own user. ``patience``: seconds a volume may take from one state to another.

    Raises NotFound and the families of other answers, Unavailable when nobody answers.
    """

    def __init__(self, url: str, http: HttpClient, user: ServiceUser, patience: float) -> None:
        self._url = f"{url.rstrip('/')}/v3"
        self._http = http
        self._user = user
        self._patience = patience

    async def create(self, name: str, size: int, kind: str | None, metadata: Mapping[str, str]) -> Shown:
        """A volume of ``size`` GiB, available. One that does not become so is deleted again."""
        wish = {"name": name, "size": size, "volume_type": kind or None, "metadata": dict(metadata)}
        made = (await self._ask(None, "POST", "/volumes", {"volume": wish}))["volume"]
        try:
            return await self.settle(made["id"])
        except BaseException:
            await asyncio.shield(self.delete(made["id"]))
            raise

    async def volume(self, ctx: RequestContext | None, volume_id: str) -> Shown:
        return dict((await self._ask(ctx, "GET", f"/volumes/{volume_id}"))["volume"])

    async def snapshot(self, ctx: RequestContext, snapshot_id: str) -> Shown:
        return dict((await self._ask(ctx, "GET", f"/snapshots/{snapshot_id}"))["snapshot"])

    async def named(self, name: str) -> list[Shown]:
        return list((await self._ask(None, "GET", f"/volumes/detail?name={name}"))["volumes"])

    async def all(self) -> AsyncIterator[Shown]:
        """Every volume of the service's project."""
        marker = ""
        while page := (await self._ask(None, "GET", f"/volumes/detail?limit={_PAGE}{marker}"))["volumes"]:
            for volume in page:
                yield volume
            marker = f"&marker={page[-1]['id']}"

    async def settle(self, volume_id: str, ends: Collection[str] = (AVAILABLE,)) -> Shown:
        """The volume once it is in one of these states. Unavailable when it fails, or takes too long."""
        until = time.monotonic() + self._patience
        while True:
            volume = await self.volume(None, volume_id)
            if volume["status"] in ends:
                return volume
            if volume["status"].startswith(ERROR) or time.monotonic() > until:
                raise Unavailable(f"Volume {volume_id} is {volume['status']}.")
            await asyncio.sleep(_PAUSE)

    async def attachments(self, volume_id: str) -> list[Shown]:
        return list((await self._ask(None, "GET", f"/attachments?volume_id={volume_id}"))["attachments"])

    async def extend(self, volume_id: str, size: int) -> None:
        await self._act(volume_id, "os-extend", {"new_size": size})
        volume = await self.settle(volume_id)
        if volume["size"] < size:
            raise Unavailable(f"Volume {volume_id} could not be extended.")

    async def describe(self, volume_id: str, metadata: Mapping[str, str]) -> None:
        await self._ask(None, "POST", f"/volumes/{volume_id}/metadata", {"metadata": dict(metadata)})

    async def make_read_only(self, volume_id: str) -> None:
        await self._act(volume_id, "os-update_readonly_flag", {"readonly": True})

    async def delete(self, volume_id: str) -> None:
        """Gone already is fine."""
        try:
            await self._ask(None, "DELETE", f"/volumes/{volume_id}")
        except NotFound:
            return

    async def attach(self, ctx: RequestContext | None, volume_id: str, mode: str, connector: Shown) -> Attached:
        """To no server, but to the host of ``connector``; ``mode`` is ``ro`` or ``rw``."""
        wish = {"volume_uuid": volume_id, "mode": mode}
        made = (await self._ask(ctx, "POST", "/attachments", {"attachment": wish}))["attachment"]
        try:
            told = {"attachment": {"connector": {**connector, "mode": mode}}}
            info = (await self._ask(ctx, "PUT", f"/attachments/{made['id']}", told))["attachment"]["connection_info"]
            if info.get("driver_volume_type") != "local":
                raise Unavailable(f"Volume {volume_id} is not reached through a file.")
            await self._ask(ctx, "POST", f"/attachments/{made['id']}/action", {"os-complete": {}})
        except BaseException:
            await asyncio.shield(self.detach(ctx, made["id"]))
            raise
        return Attached(made["id"], str(info["device_path"]))

    async def detach(self, ctx: RequestContext | None, attachment_id: str) -> None:
        """Gone already is fine."""
        try:
            await self._ask(ctx, "DELETE", f"/attachments/{attachment_id}")
        except NotFound:
            return

    async def close(self) -> None:
        await self._http.close()
        await self._user.close()

    async def _act(self, volume_id: str, verb: str, how: Mapping[str, Any]) -> None:
        await self._ask(None, "POST", f"/volumes/{volume_id}/action", {verb: how})

    async def _ask(self, ctx: RequestContext | None, method: str, path: str, wish: Any = None) -> Any:
        if ctx is not None:
            return await self._once(ctx, method, path, wish)
        token = await self._user.token()
        try:
            return await self._once(_own(token), method, path, wish)
        except Unauthorized:  # it has run out, or was taken back
            return await self._once(_own(await self._user.token(instead_of=token)), method, path, wish)

    async def _once(self, ctx: RequestContext, method: str, path: str, wish: Any) -> Any:
        body = None if wish is None else orjson.dumps(wish)
        raw = bytearray()
        async with self._http.stream(ctx, method, f"{self._url}{path}", VERSION, body) as answer:
            async for chunk in answer.chunks():
                raw += chunk
                if len(raw) > _LONGEST:
                    raise Unavailable("The volume service's answer is too long.")
        try:
            return parse_json(bytes(raw)) if raw else None
        except ServiceError as error:
            raise Unavailable("The volume service's answer cannot be read.") from error


def _own(token: str) -> RequestContext:
    return replace(system_context("glance"), auth_token=token)
