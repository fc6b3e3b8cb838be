"""The client of glance-registry's v1, and the way of v2's commands. Each method is one request, and one transaction.

The token is the service's own and the user is named in headers: Glance's ``use_user_token = False`` with
``send_identity_headers``. Source: ``glance/registry/client/v1/api.py: get_registry_client``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import orjson

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, ServiceError, TooLarge, Unauthorized, Unavailable
from stackwire.http.client import HttpClient
from stackwire.http.request import parse_json
from stackwire.http.service_user import ServiceUser
from stackwire.image.domain import registry, registry_commands
from stackwire.image.domain.errors import Duplicate, ImageNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.registry import RegistryUpload

T = TypeVar("T")
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json", "Connection": "close"}
"""A connection for each request, as Glance's client has it: a registry that was started again is no surprise."""
_ERRORS: Final[Mapping[int, type[ServiceError]]] = {
    400: BadRequest, 403: Forbidden, 404: ImageNotFound, 409: Conflict, 410: Vanished, 413: TooLarge,
}  # fmt: skip


class RegistryUnavailable(Unavailable):
    """The image registry is not available at the moment."""


class RegistryClient:
    """Raises the errors of the registry's answers, and RegistryUnavailable where there is none."""

    def __init__(self, url: str, http: HttpClient, user: ServiceUser) -> None:
        self._url = url
        self._http = http
        self._user = user

    async def images(self, ctx: RequestContext, query: Query, limit: int) -> list[Image]:
        answer = await self._request(ctx, "GET", f"/images/detail?{urlencode(registry.pairs(query, limit))}")
        return read_answer(answer, lambda body: [registry.image_of(image) for image in body["images"]])

    async def image(self, ctx: RequestContext, image_id: str) -> Image:
        """For an administrator also one that is deleted."""
        return _image(await self._request(ctx, "GET", _path(image_id)))

    async def create(self, ctx: RequestContext, image: Image) -> Image:
        """Raises Duplicate."""
        try:
            return _image(await self._request(ctx, "POST", "/images", registry.new_image_body(image)))
        except Conflict as error:
            raise Duplicate(image_id=image.id) from error

    async def update(self, ctx: RequestContext, before: Image, after: Image) -> Image:
        """The registry refuses it (Conflict) when the image's status is no longer what it was before."""
        body, purge = registry.change_body(before, after)
        headers = {registry.PURGE_HEADER: "true"} if purge else {}
        return _image(await self._request(ctx, "PUT", _path(before.id), body, headers))

    async def begin_upload(self, ctx: RequestContext, image: Image, upload: RegistryUpload) -> tuple[Image, int]:
        """The image, which is being saved, and the bytes that it may have."""
        answer = await self._upload(ctx, image, {"status": "saving"}, upload)
        return _image(answer), int(answer["allowance"])

    async def finish_upload(
        self, ctx: RequestContext, image: Image, facts: Mapping[str, Any], upload: RegistryUpload
    ) -> Image:
        """``facts``: the size and the checksum of the data."""
        return _image(await self._upload(ctx, image, {"status": "active", **facts}, upload))

    async def abort_upload(self, ctx: RequestContext, image: Image, status: str, upload: RegistryUpload) -> None:
        """Raises Conflict when the image is no longer, or not, this upload's."""
        await self._upload(ctx, image, {"status": status}, upload)

    async def delete(self, ctx: RequestContext, image_id: str) -> Image:
        """The image as it was deleted: its locations are those it had."""
        return _image(await self._request(ctx, "DELETE", _path(image_id)))

    async def members(self, ctx: RequestContext, image_id: str) -> list[Member]:
        return _members(await self._request(ctx, "GET", f"{_path(image_id)}/members"), "members")

    async def shared_images(self, ctx: RequestContext, member: str) -> list[Member]:
        return _members(await self._request(ctx, "GET", f"/shared-images/{quote(member, '')}"), "shared_images")

    async def add_member(self, ctx: RequestContext, image_id: str, member: str) -> None:
        await self._request(ctx, "PUT", f"{_path(image_id)}/members/{quote(member, '')}")

    async def remove_member(self, ctx: RequestContext, image_id: str, member: str) -> None:
        await self._request(ctx, "DELETE", f"{_path(image_id)}/members/{quote(member, '')}")

    async def replace_members(self, ctx: RequestContext, image_id: str, members: Sequence[str]) -> None:
        body = {"memberships": [{"member_id": member} for member in members]}
        await self._request(ctx, "PUT", f"{_path(image_id)}/members", body)

    async def close(self) -> None:
        await self._user.close()
        await self._http.close()

    async def _upload(
        self, ctx: RequestContext, image: Image, changes: Mapping[str, Any], upload: RegistryUpload
    ) -> Any:
        body = {"image": dict(changes), "from_state": image.status, "upload": asdict(upload)}
        return await self._request(ctx, "PUT", _path(image.id), body)

    async def call(self, ctx: RequestContext, command: str, **arguments: Any) -> Any:
        """The result of one command of v2. Raises the error that it results in."""
        body = [{"command": command, "kwargs": arguments}]
        answer = await self._request(ctx, "POST", "/rpc", body)
        result, error = read_answer(answer, lambda results: (results[0], registry_commands.error_of(results[0])))
        if error is not None:
            raise error
        return result

    async def _request(
        self, ctx: RequestContext, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer's JSON, empty where it has no body. A refused token is replaced once."""
        token = await self._user.token()
        try:
            return await self._send(ctx, token, method, path, body, headers)
        except Unauthorized:
            token = await self._user.token(instead_of=token)
        try:
            return await self._send(ctx, token, method, path, body, headers)
        except Unauthorized as refused:
            raise RegistryUnavailable from refused

    async def _send(
        self, ctx: RequestContext, token: str, method: str, path: str, body: Any, headers: Mapping[str, str] | None
    ) -> Any:
        sent = {**_HEADERS, **identity(ctx), **(headers or {})}
        data = None if body is None else orjson.dumps(body)
        try:
            service = replace(ctx, auth_token=token)
            async with self._http.stream(service, method, self._url + path, sent, data) as response:
                raw = b"".join([chunk async for chunk in response.chunks()])
        except Unauthorized:
            raise
        except ServiceError as error:
            raise _refusal(error) from error
        return parse_json(raw) if raw else {}


def identity(ctx: RequestContext) -> dict[str, str]:
    """The user that the request is made for."""
    return {
        "X-User-Id": ctx.user_id or "",
        "X-Tenant-Id": ctx.project_id or "",
        "X-Roles": ",".join(ctx.roles),
        "X-Identity-Status": "Confirmed",
    }


def _path(image_id: str) -> str:
    return f"/images/{quote(image_id, '')}"


def _refusal(error: ServiceError) -> ServiceError:
    """The registry's refusal as an error of this service, with the same text."""
    kind = _ERRORS.get(error.status)
    if kind is None:
        return RegistryUnavailable()
    try:
        text = str(orjson.loads(error.message)["message"])
    except (ValueError, KeyError, TypeError):
        text = error.message
    return kind(text.partition("<br />")[0])


def _image(answer: Mapping[str, Any]) -> Image:
    return read_answer(answer, lambda body: registry.image_of(body["image"]))


def _members(answer: Mapping[str, Any], key: str) -> list[Member]:
    return read_answer(answer, lambda body: [registry.member_of(member) for member in body[key]])


def read_answer(answer: Any, read: Callable[[Any], T]) -> T:
    """What the answer says. RegistryUnavailable for one that a registry does not give."""
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryUnavailable("The image registry gave an answer that cannot be read.") from error
