"""Sends a table to a cloud, row by row, and takes away what was accepted."""

import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from stackwire.compare.answers import Answers
from stackwire.compare.fixtures import Fixtures
from stackwire.compare.odd_values import ABSENT
from stackwire.compare.request import VALID, Request, Variant, variants
from stackwire.compare.session import Answer, Refused


async def send_all(request: Request, fixtures: Fixtures, *, every: int = 1) -> Answers:
    """Every row of the request, or one in ``every``, always the same. Refused: the request as it stands was."""
    answers = Answers(request.name)
    for version, variant in rows(request):
        if variant.field != VALID and zlib.crc32(f"{version} {variant.field} {variant.value}".encode()) % every:
            continue
        answer = await send(request, variant, version, fixtures)
        if variant.field == VALID and not _as_expected(request, answer.status):
            raise Refused(f"{request.name} {version}: {answer.status} {answer.json}")
        answers.add(version, variant.field, variant.value, answer.status)
        if answer.status in range(200, 300):
            await undo(request, version, answer, fixtures)
    return answers


def _as_expected(request: Request, status: int) -> bool:
    return status in range(200, 300) if request.status is None else status == request.status


def rows(request: Request) -> Iterator[tuple[str, Variant]]:
    """Each variant in each version."""
    return ((version, variant) for version in request.versions for variant in variants(request))


async def send(request: Request, variant: Variant, version: str, fixtures: Fixtures) -> Answer:
    """One form of the request, with the fixtures that it names."""
    session = fixtures.admin if request.admin else fixtures.user
    path = await fixtures.filled(request.path)
    query = f"?{await fixtures.filled(variant.query)}" if variant.query else ""
    data = None if variant.body is ABSENT else orjson.dumps(await fixtures.filled(variant.body))
    return await session.send(
        request.method, request.service, path + query, data=data, version=version, headers=request.headers
    )


async def undo(request: Request, version: str, answer: Answer, fixtures: Fixtures) -> None:
    """Takes away what an accepted request has made or changed."""
    if request.created:
        created: Any = answer.json
        for step in request.created.split("."):
            created = created[step]
        path = (await fixtures.filled(request.undo)).replace("{}", quote(str(created), safe=""))
        service = request.undo_service or request.service
        await fixtures.delete(service, path, version="" if request.undo_service else version, admin=request.admin)
    for name in request.wait:
        await fixtures.rest(name)
    if request.restore:
        path, body = request.restore
        data = orjson.dumps(await fixtures.filled(body))
        await fixtures.admin.send("POST", request.service, await fixtures.filled(path), data=data)
    await fixtures.discard(*request.renew)
