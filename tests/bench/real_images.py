"""The image service of a real OpenStack as one more target of the same requests, with as many images as ours has."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench.bench_image import NAME, Target
from bench.image_rows import KINDS, PROPERTIES
from stackwire.compare.session import Answer, Credentials, Session, Unusable, logged_in

IN_FLIGHT = 16
PAGE = 500


@asynccontextmanager
async def real_target(user: Credentials, images: int) -> AsyncIterator[Target]:
    """Its images are made here, and deleted in the end with those that the requests have made."""
    async with logged_in(user) as session:
        url = urlsplit(session.roots["image"])
        if url.scheme != "http" or url.path not in {"", "/"} or url.hostname != "127.0.0.1":
            raise Unusable(f"the requests are sent to http://127.0.0.1:PORT, not to {session.roots['image']}")
        try:
            made = await _each(range(1, images + 1), lambda number: _create(session, number))
            headers = {"X-Auth-Token": session.token, "User-Agent": "bench"}
            ids = [answer.json["id"] for answer in made]
            yield Target(url.port or 80, os.getpid(), "", Path(), headers, image=lambda number: ids[number - 1])
        finally:
            await _delete_all(session)


async def _create(session: Session, number: int) -> Answer:
    properties = {f"property_{at:02}": f"value {at} of {number}" for at in range(PROPERTIES)}
    body = {"name": NAME, "disk_format": "raw", "container_format": "bare", **properties}
    body["property_00"] = f"kind-{number % KINDS}"
    answer = await session.send("POST", "image", "/v2/images", data=orjson.dumps(body))
    if answer.status != 201:
        raise Unusable(f"POST /v2/images: {answer.status}")
    return answer


async def _delete_all(session: Session) -> None:
    while found := (await session.send("GET", "image", f"/v2/images?name={NAME}&limit={PAGE}")).json["images"]:
        await _each(found, lambda image: session.send("DELETE", "image", f"/v2/images/{image['id']}"))


async def _each(items: Iterable[Any], act: Callable[[Any], Any]) -> list[Answer]:
    """What it answers for each, some at once."""
    free = asyncio.Semaphore(IN_FLIGHT)

    async def one(item: Any) -> Answer:
        async with free:
            answer: Answer = await act(item)
            return answer

    return await asyncio.gather(*map(one, items))
