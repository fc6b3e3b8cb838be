"""Clients that go away in the middle, and those that never spoke HTTP, leave no traceback in the log."""

import asyncio
import os
from urllib.parse import urlsplit

import pytest

from support.cloud import ACloud, JsonClient


async def test_whoever_goes_away_is_no_error_of_ours(a_cloud: ACloud, caplog: pytest.LogCaptureFixture) -> None:
    cloud = await a_cloud()
    demo = await cloud.http("demo")
    wish = {"name": "i", "disk_format": "raw", "container_format": "bare"}
    image = (await demo.post("image", "/v2/images", json=wish)).ok().json["id"]
    await demo.put(
        "image",
        f"/v2/images/{image}/file",
        data=os.urandom(2**23),
        headers={"Content-Type": "application/octet-stream"},
    )
    for words in (
        "nonsense",
        f"GET /v2/images/{image}/file HTTP/1.1",
        "POST /v2/images HTTP/1.1\r\nContent-Length: 100",
        f"PUT /v2/images/{image}/file HTTP/1.1\r\nContent-Length: 100\r\nContent-Type: application/octet-stream",
    ):
        await _ask_and_go(demo, words)
    (await demo.get("image", f"/v2/images/{image}")).ok()
    await cloud.settle()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def _ask_and_go(client: JsonClient, words: str) -> None:
    place = urlsplit(client.urls["image"])
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"{words}\r\nHost: x\r\nX-Auth-Token: {client.token}\r\n\r\n".encode())
    if words.startswith(("GET", "nonsense")):
        await reader.read(1)
    else:
        writer.write(b"{")
        await writer.drain()
    writer.transport.abort()


async def test_more_idle_connections_than_there_may_be_keep_nobody_out(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"image": {"max_connections": 20}})
    demo = await cloud.http("demo")
    place = urlsplit(demo.urls["image"])
    opened = [await asyncio.open_connection(place.hostname, place.port) for _ in range(60)]
    (await demo.get("image", "/v2/images")).ok(200)
    for _, writer in opened:
        writer.transport.abort()
