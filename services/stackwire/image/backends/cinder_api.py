"""The client of the volume service's REST API, as the service's own user or as the caller."""

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
_VOLUME_POLL_SECONDS = 0.1
_ATTACHING_SECONDS = 5.0
"""How long an attachment is being made: whoever makes one that takes longer has crashed."""
_UNFINISHED = frozenset({"reserved", "attaching"})
_LIST_LIMIT = 500
_MAX_RESPONSE_BYTES = 16 * 1024**2

Resource = dict[str, Any]
"""A volume, a snapshot or an attachment in the API's JSON."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """``path``: the volume's file on the connector's host, below what it shares with the back end."""

    id: str
    path: str


class VolumeApi:
    """``ctx`` None is the service's own user. ``timeout_seconds``: for a change of a volume's status.

    Raises NotFound and the errors of other statuses, Unavailable when the service does not respond.
    """

    def __init__(self, url: str, http: HttpClient, user: ServiceUser, timeout_seconds: float) -> None:
        self._url = f"{url.rstrip('/')}/v3"
        self._http = http
        self._user = user
        self._timeout_seconds = timeout_seconds

    async def create(self, name: str, size: int, volume_type: str | None, metadata: Mapping[str, str]) -> Resource:
        """A new volume of ``size`` GiB, once it is available. One that fails is deleted again."""
        body = {"name": name, "size": size, "volume_type": volume_type or None, "metadata": dict(metadata)}
        created = (await self._request(None, "POST", "/volumes", {"volume": body}))["volume"]
        try:
            return await self.wait_for(created["id"])
        except BaseException:
            await asyncio.shield(self.delete(created["id"]))
            raise

    async def volume(self, ctx: RequestContext | None, volume_id: str) -> Resource:
        return dict((await self._request(ctx, "GET", f"/volumes/{volume_id}"))["volume"])

    async def snapshot(self, ctx: RequestContext, snapshot_id: str) -> Resource:
        return dict((await self._request(ctx, "GET", f"/snapshots/{snapshot_id}"))["snapshot"])

    async def list_by_name(self, name: str) -> list[Resource]:
        """The volumes of the service's project with this name."""
        return list((await self._request(None, "GET", f"/volumes/detail?name={name}"))["volumes"])

    async def all(self) -> AsyncIterator[Resource]:
        """Every volume of the service's project."""
        marker = ""
        while page := (await self._request(None, "GET", f"/volumes/detail?limit={_LIST_LIMIT}{marker}"))["volumes"]:
            for volume in page:
                yield volume
            marker = f"&marker={page[-1]['id']}"

    async def wait_for(self, volume_id: str, ends: Collection[str] = (AVAILABLE,)) -> Resource:
        """The volume once it has one of these statuses. Unavailable when it fails, or takes too long."""
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            volume = await self.volume(None, volume_id)
            if volume["status"] in ends:
                return volume
            if volume["status"].startswith(ERROR) or time.monotonic() > deadline:
                raise Unavailable(f"Volume {volume_id} is {volume['status']}.")
            await asyncio.sleep(_VOLUME_POLL_SECONDS)

    async def attachments(self, volume_id: str) -> list[Resource]:
        return list((await self._request(None, "GET", f"/attachments?volume_id={volume_id}"))["attachments"])

    async def finished_attachments(self, volume_id: str) -> list[Resource]:
        """All of a volume, once no process is making one."""
        deadline = time.monotonic() + _ATTACHING_SECONDS
        while True:
            found = await self.attachments(volume_id)
            if time.monotonic() > deadline or not any(each["status"] in _UNFINISHED for each in found):
                return found
            await asyncio.sleep(_VOLUME_POLL_SECONDS)

    async def extend(self, volume_id: str, size: int) -> None:
        """To ``size`` GiB. Unavailable when it fails."""
        await self._act(volume_id, "os-extend", {"new_size": size})
        volume = await self.wait_for(volume_id)
        if volume["size"] < size:
            raise Unavailable(f"Volume {volume_id} could not be extended.")

    async def set_metadata(self, volume_id: str, metadata: Mapping[str, str]) -> None:
        await self._request(None, "POST", f"/volumes/{volume_id}/metadata", {"metadata": dict(metadata)})

    async def make_read_only(self, volume_id: str) -> None:
        await self._act(volume_id, "os-update_readonly_flag", {"readonly": True})

    async def delete(self, volume_id: str) -> None:
        """One that does not exist is no error."""
        try:
            await self._request(None, "DELETE", f"/volumes/{volume_id}")
        except NotFound:
            return

    async def attach(self, ctx: RequestContext | None, volume_id: str, mode: str, connector: Resource) -> Attachment:
        """Attaches a volume to the host of ``connector``, and to no server; ``mode`` is ``ro`` or ``rw``."""
        body = {"volume_uuid": volume_id, "mode": mode}
        created = (await self._request(ctx, "POST", "/attachments", {"attachment": body}))["attachment"]
        try:
            update = {"attachment": {"connector": {**connector, "mode": mode}}}
            updated = await self._request(ctx, "PUT", f"/attachments/{created['id']}", update)
            info = updated["attachment"]["connection_info"]
            if info.get("driver_volume_type") != "local":
                raise Unavailable(f"Volume {volume_id} is not reached through a file.")
            await self._request(ctx, "POST", f"/attachments/{created['id']}/action", {"os-complete": {}})
        except BaseException:
            await asyncio.shield(self.detach(ctx, created["id"]))
            raise
        return Attachment(created["id"], str(info["device_path"]))

    async def detach(self, ctx: RequestContext | None, attachment_id: str) -> None:
        """One that does not exist is no error."""
        try:
            await self._request(ctx, "DELETE", f"/attachments/{attachment_id}")
        except NotFound:
            return

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close()
        await self._user.close()

    async def _act(self, volume_id: str, verb: str, how: Mapping[str, Any]) -> None:
        await self._request(None, "POST", f"/volumes/{volume_id}/action", {verb: how})

    async def _request(self, ctx: RequestContext | None, method: str, path: str, body: Any = None) -> Any:
        if ctx is not None:
            return await self._send(ctx, method, path, body)
        token = await self._user.token()
        try:
            return await self._send(_own(token), method, path, body)
        except Unauthorized:  # the token has expired, or was revoked
            return await self._send(_own(await self._user.token(instead_of=token)), method, path, body)

    async def _send(self, ctx: RequestContext, method: str, path: str, body: Any) -> Any:
        content = None if body is None else orjson.dumps(body)
        raw = bytearray()
        async with self._http.stream(ctx, method, f"{self._url}{path}", VERSION, content) as response:
            async for chunk in response.chunks():
                raw += chunk
                if len(raw) > _MAX_RESPONSE_BYTES:
                    raise Unavailable("The volume service's answer is too long.")
        try:
            return parse_json(bytes(raw)) if raw else None
        except ServiceError as error:
            raise Unavailable("The volume service's answer cannot be read.") from error


def _own(token: str) -> RequestContext:
    return replace(system_context("glance"), auth_token=token)
