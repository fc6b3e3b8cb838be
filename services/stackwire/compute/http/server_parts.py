"""What hangs on a server: metadata, tags, addresses, what happened to it, its guest."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain.listing import moment
from stackwire.compute.domain.model import ActionEvent
from stackwire.compute.domain.requests import ListActionsRequest
from stackwire.compute.domain.server import ActionDetails
from stackwire.compute.http.api import known_query, opened, server_id, since
from stackwire.compute.http.fields import tag
from stackwire.compute.http.schemas import MetaBody, MetadataBody, TagsBody
from stackwire.compute.http.views_server import addresses, host_id, usage_stamp
from stackwire.core.errors import BadRequest
from stackwire.http.paging import limit_of, link, origin
from stackwire.http.request import body, respond

# ---- metadata


async def list_metadata(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    server = await api.servers.show(ctx, server_id(request), rule=rules.METADATA_SHOW)
    return respond(200, {"metadata": dict(server.metadata)})


async def show_metadata(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    key = request.match_info["key"]
    return respond(200, {"meta": {key: await api.servers.metadata_item(ctx, server_id(request), key)}})


async def add_metadata(request: web.Request) -> web.Response:
    """``POST``: what is given is set, the rest stays."""
    api, ctx, _ = opened(request)
    given = (await body(request, MetadataBody)).metadata
    return respond(200, {"metadata": await api.servers.change_metadata(ctx, server_id(request), given)})


async def replace_metadata(request: web.Request) -> web.Response:
    """``PUT``: what is given is all there is."""
    api, ctx, _ = opened(request)
    given = (await body(request, MetadataBody)).metadata
    return respond(200, {"metadata": await api.servers.change_metadata(ctx, server_id(request), given, purge=True)})


async def set_metadata(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    key, meta = request.match_info["key"], (await body(request, MetaBody)).meta
    if set(meta) != {key}:
        raise BadRequest("The body must hold the item that the URL names, and no other.")
    await api.servers.change_metadata(ctx, server_id(request), meta)
    return respond(200, {"meta": meta})


async def delete_metadata(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    await api.servers.delete_metadata(ctx, server_id(request), request.match_info["key"])
    return respond(204)


# ---- tags


async def list_tags(request: web.Request) -> web.Response:
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    server = await api.servers.show(ctx, server_id(request), rule=rules.TAGS_SHOW)
    return respond(200, {"tags": list(server.tags)})


async def replace_tags(request: web.Request) -> web.Response:
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    given = (await body(request, TagsBody)).tags
    return respond(200, {"tags": await api.servers.replace_tags(ctx, server_id(request), given)})


async def delete_tags(request: web.Request) -> web.Response:
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    await api.servers.replace_tags(ctx, server_id(request), [])
    return respond(204)


async def has_tag(request: web.Request) -> web.Response:
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    await api.servers.require_tag(ctx, server_id(request), request.match_info["tag"])
    return respond(204)


async def add_tag(request: web.Request) -> web.Response:
    """201 with the tag's address when it is new, 204 when it was there."""
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    name, uuid = request.match_info["tag"], server_id(request)
    try:
        tag(name)
    except ValueError as bad:
        raise BadRequest(str(bad)) from None
    if await api.servers.add_tag(ctx, uuid, name):
        return respond(201, headers={"Location": f"{origin(request)}/v2.1/servers/{uuid}/tags/{name}"})
    return respond(204)


async def delete_tag(request: web.Request) -> web.Response:
    since(request, (2, 26))
    api, ctx, _ = opened(request)
    await api.servers.delete_tag(ctx, server_id(request), request.match_info["tag"])
    return respond(204)


# ---- addresses


async def list_ips(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    server = await api.servers.show(ctx, server_id(request), rule=rules.IPS)
    return respond(200, {"addresses": addresses(server.addresses)})


async def show_ips(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    found = await api.servers.addresses(ctx, server_id(request), request.match_info["network"])
    return respond(200, addresses(found))


# ---- what happened to it


async def list_actions(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    wanted = _page(request, version)
    found = await api.servers.actions(ctx, server_id(request), replace(wanted, limit=wanted.limit + 1))
    shown = found[: wanted.limit]
    told: dict[str, Any] = {"instanceActions": [_action(one, version) for one in shown]}
    if version >= (2, 58) and len(found) > len(shown) > 0:
        query = [(name, value) for name, value in request.query.items()]
        href = link(f"{origin(request)}{request.path}", query, limit=wanted.limit, marker=shown[-1].action.request_id)
        told["links"] = [{"rel": "next", "href": href}]
    return respond(200, told)


def _page(request: web.Request, version: tuple[int, int]) -> ListActionsRequest:
    """Pages and ``changes-since`` are of 2.58, ``changes-before`` of 2.66; what is unknown is refused from 2.58 on."""
    names = ("limit", "marker", "changes-since", *(("changes-before",) if version >= (2, 66) else ()))
    known_query(request, *names, at=(2, 58))
    asked = request.query if version >= (2, 58) else {}
    after, before = (moment(asked.get(name), name) for name in ("changes-since", "changes-before"))
    if after is not None and before is not None and before < after:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    limit = limit_of(request, 1000) if asked else 1000
    return ListActionsRequest(limit=limit, marker=asked.get("marker"), since=after, before=before)


async def show_action(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    found = await api.servers.action(ctx, server_id(request), request.match_info["request"])
    admin = api.policy.allows(ctx, rules.ACTION_EVENTS_DETAILS)
    told = _action(found, version)
    if version >= (2, 51) or admin:
        told["events"] = [_event(found, event, version, admin) for event in found.events]
    return respond(200, {"instanceAction": told})


def _action(server: ActionDetails, version: tuple[int, int]) -> dict[str, Any]:
    action = server.action
    told: dict[str, Any] = {
        "action": action.action,
        "instance_uuid": action.instance_uuid,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": usage_stamp(action.start_time),
        "message": action.message,
    }
    return told | ({"updated_at": usage_stamp(action.updated_at)} if version >= (2, 58) else {})


def _event(action: ActionDetails, event: ActionEvent, version: tuple[int, int], admin: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "event": event.event,
        "start_time": usage_stamp(event.start_time),
        "finish_time": usage_stamp(event.finish_time),
        "result": event.result,
    }
    if admin:
        told["traceback"] = event.traceback
    if version >= (2, 62):
        told["hostId"] = host_id(action.server_project_id, event.host)
        if admin:
            told["host"] = event.host
    if version >= (2, 84) and admin:
        told["details"] = event.details
    return told


# ---- ours: the guest as the host defined it


async def show_guest(request: web.Request) -> web.Response:
    """``GET /servers/{id}/os-stackwire-guest``: the libvirt domain XML; administrators only."""
    api, ctx, _ = opened(request)
    xml = await api.servers.guest(ctx, server_id(request))
    return respond(200, {"guest": {"instance_uuid": server_id(request), "domain_xml": xml}})
