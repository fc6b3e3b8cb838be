"""Clients that take connections and give nothing for them: the cloud serves the others."""

import asyncio
from contextlib import suppress

import pytest

from support.cloud import ACloud
from support.polling import until

MOST = 40


@pytest.mark.parametrize("sent", [b"", b"GET /v2/images HTTP/1.1\r\nX-Slow: "], ids=["idle", "half a head"])
async def test_more_connections_than_there_may_be_take_nothing_from_who_asks(a_cloud: ACloud, sent: bytes) -> None:
    cloud = await a_cloud(services=("identity", "image"), settings={"image": {"max_connections": MOST}})
    http = await cloud.http()
    host, port = cloud.urls["image"].removeprefix("http://").split(":")
    crowd = []
    for _ in range(MOST * 3):
        crowd.append(await asyncio.open_connection(host, int(port)))
        with suppress(ConnectionError):
            crowd[-1][1].write(sent)
    (await http.get("image", "/v2/images")).ok(200)
    assert (await http.get("image", "/healthcheck")).status == 200
    connections = cloud.cloud.services["image"]._connections
    assert connections() <= MOST
    for _, writer in crowd:
        writer.close()
    await until(lambda: connections() < MOST)
    (await http.get("image", "/v2/images")).ok(200)
