"""Five nouns, five verbs each: the handlers are the same, the nouns are data."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, body, flag, json_body, respond
from stackwire.identity.db.entities import PROJECT, TAGS, Noun, Row
from stackwire.identity.domain.errors import Absent
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.http import schemas
from stackwire.identity.http.envelopes import page, view

_LONGEST_PAGE = 1000


class NounHandlers:
    """``/v3/{plural}`` and ``/v3/{plural}/{id}``."""

    def __init__(self, noun: Noun, directory: Directory) -> None:
        self._noun = noun
        self._directory = directory

    async def create(self, request: web.Request) -> web.Response:
        values, extra = schemas.creation(self._noun, await json_body(request))
        row = await self._directory.create(request[CONTEXT], self._noun, values, extra)
        return respond(201, {self._noun.name: view(request, self._noun, row)})

    async def list(self, request: web.Request) -> web.Response:
        filters = _filters(request, self._noun)
        limit = limit_of(request, _LONGEST_PAGE) if "limit" in request.query else None
        rows = await self._directory.find(
            request[CONTEXT], self._noun, filters, limit or None, request.query.get("marker")
        )
        return page(request, self._noun, rows, limit)

    async def show(self, request: web.Request) -> web.Response:
        row = await self._directory.show(request[CONTEXT], self._noun, request.match_info["id"])
        return respond(200, {self._noun.name: view(request, self._noun, row)})

    async def update(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        values, extra, fixed = schemas.change(self._noun, id, await json_body(request))
        row = await self._directory.update(request[CONTEXT], self._noun, id, values, extra, fixed)
        return respond(200, {self._noun.name: view(request, self._noun, row)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._directory.delete(request[CONTEXT], self._noun, request.match_info["id"])
        return respond(204)


class TagHandlers:
    """``/v3/projects/{id}/tags`` and ``/v3/projects/{id}/tags/{tag}``."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def show(self, request: web.Request) -> web.Response:
        return self._all(request, await self._directory.show(request[CONTEXT], PROJECT, request.match_info["id"]))

    async def replace(self, request: web.Request) -> web.Response:
        tags = sorted(set(schemas.tags_of(await json_body(request))))
        return self._all(request, await self._change(request, lambda _: tags))

    async def clear(self, request: web.Request) -> web.Response:
        await self._change(request, lambda _: [])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        row = await self._directory.show(request[CONTEXT], PROJECT, request.match_info["id"])
        self._there(row["tags"], request.match_info["tag"])
        return respond(204)

    async def add(self, request: web.Request) -> web.Response:
        tag = schemas.tag_of(request.match_info["tag"])
        await self._change(request, lambda tags: sorted({*tags, tag}))
        return respond(201)

    async def remove(self, request: web.Request) -> web.Response:
        tag = request.match_info["tag"]
        await self._change(request, lambda tags: [kept for kept in self._there(tags, tag) if kept != tag])
        return respond(204)

    async def _change(self, request: web.Request, change: Callable[[list[str]], list[str]]) -> Row:
        return await self._directory.tag(request[CONTEXT], request.match_info["id"], change)

    def _there(self, tags: list[str], tag: str) -> list[str]:
        if tag not in tags:
            raise Absent(kind="project tag", id=tag)
        return tags

    def _all(self, request: web.Request, row: Row) -> web.Response:
        return respond(200, {"tags": row["tags"], "links": {"self": str(request.url)}})


class _Passwords(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    password: schemas.Password
    original_password: schemas.Password


class _PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: _Passwords


class PasswordHandler:
    """``POST /v3/users/{id}/password``: the old password is the proof, no token is asked for."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def change(self, request: web.Request) -> web.Response:
        wish = (await body(request, _PasswordChange)).user
        await self._directory.change_password(
            request[CONTEXT], request.match_info["id"], wish.original_password, wish.password
        )
        return respond(204)


def _filters(request: web.Request, noun: Noun) -> dict[str, Any]:
    """What the query asks; filters we do not have are refused rather than ignored."""
    filters: dict[str, Any] = {}
    for name, value in request.query.items():
        if name == "enabled" and "enabled" in noun.filters:
            filters[name] = flag(value, name)
        elif name in noun.filters:
            filters[name] = value
        elif name in TAGS and noun is PROJECT:
            filters[name] = value.split(",")
        elif name == "is_domain" and noun is PROJECT:
            if flag(value, name):
                raise NotSimulated(what="projects that act as domains")
        elif name == "domain_id" and noun.name == "role":
            raise NotSimulated(what="roles of a domain")
        elif name not in ("limit", "marker", "sort_key", "sort_dir"):
            raise BadRequest(f"Unknown filter '{name[:100]}' for {noun.plural}.")
        elif name.startswith("sort"):
            raise NotSimulated(what="sorting of identity lists")
    return filters
