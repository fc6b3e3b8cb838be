"""``/os-keypairs``."""

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import StringConstraints

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain.model import KeyPair
from stackwire.compute.http.api import opened
from stackwire.compute.http.fields import Body
from stackwire.compute.http.views_server import usage_stamp
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.paging import limit_of, link, origin
from stackwire.http.request import body, respond


class NewKeypair(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    public_key: str | None = None
    type: Literal["ssh", "x509"] | None = None
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


class CreateKeypair(Body):
    keypair: NewKeypair


def _view(pair: KeyPair, version: Microversion) -> dict[str, Any]:
    told: dict[str, Any] = {"name": pair.name, "public_key": pair.public_key, "fingerprint": pair.fingerprint}
    return told | ({"type": pair.type} if version >= (2, 2) else {})


def _user(request: web.Request, version: Microversion, given: str | None = None) -> str:
    """Whose key pairs: another user's since 2.10, for administrators."""
    api, ctx, _ = opened(request)
    asked = given or (request.query.get("user_id") if version >= (2, 10) else None)
    user_id = asked or ctx.user_id or ""
    api.policy.require(ctx, rules.KEYPAIRS, {"user_id": user_id})
    return user_id


async def index(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    user_id = _user(request, version)
    paged = version >= (2, 35)
    limit = limit_of(request, 1000) if paged else None
    found, more = await api.keypairs.page(ctx, user_id, limit, request.query.get("marker") if paged else None)
    told: dict[str, Any] = {"keypairs": [{"keypair": _view(pair, version)} for pair in found]}
    if more and found and limit:
        query = [(name, value) for name, value in request.query.items()]
        href = link(f"{origin(request)}/v2.1/keypairs", query, limit=limit, marker=found[-1].name)
        told["keypairs_links"] = [{"rel": "next", "href": href}]
    return respond(200, told)


async def show(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    pair = await api.keypairs.show(ctx, _user(request, version), request.match_info["name"])
    told = _view(pair, version) | {
        "user_id": pair.user_id,
        "deleted": False,
        "created_at": usage_stamp(pair.created_at),
        "updated_at": usage_stamp(pair.updated_at),
        "deleted_at": None,
        "id": pair.id,
    }
    return respond(200, {"keypair": told})


async def create(request: web.Request) -> web.Response:
    """Imports a public key, or before 2.92 makes a pair and answers with its private half; 201 since 2.2."""
    api, ctx, version = opened(request)
    asked = (await body(request, CreateKeypair)).keypair
    for name, first in (("type", (2, 2)), ("user_id", (2, 10))):
        if name in asked.model_fields_set and version < first:
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected)")
    if version >= (2, 92) and asked.public_key is None:
        raise BadRequest("'public_key' is a required property")
    user_id = _user(request, version, asked.user_id)
    pair, private = await api.keypairs.create(
        ctx, user_id, asked.name, asked.public_key, asked.type or "ssh", relaxed=version >= (2, 92)
    )
    told = _view(pair, version) | {"user_id": user_id} | ({"private_key": private} if private else {})
    return respond(201 if version >= (2, 2) else 200, {"keypair": told})


async def delete(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    await api.keypairs.delete(ctx, _user(request, version), request.match_info["name"])
    return respond(204 if version >= (2, 2) else 202)
