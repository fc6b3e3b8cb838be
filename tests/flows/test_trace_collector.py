"""``stackwire trace export --to``: a story is sent to an OpenTelemetry collector, or one line says why not."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from flows.test_trace_cli import RECORDED, STORY, trace


class Collector:
    """A small HTTP server that responds as it is configured to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, Any]] = []
        self.status, self.response = 200, "{}"
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/{path:.*}", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, request.content_type, await request.json()))
        return web.Response(status=self.status, text=self.response)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    runner = await collector.start()
    yield collector
    await runner.cleanup()


async def export(*words: str) -> tuple[int, str, str]:
    return await trace("export", STORY, "--form", "otlp", *words, *RECORDED)


@pytest.mark.parametrize(
    ("given", "path"), [("", "/v1/traces"), ("/", "/v1/traces"), ("/otlp/v1/traces", "/otlp/v1/traces")]
)
async def test_a_story_is_sent_to_a_collector(collector: Collector, given: str, path: str) -> None:
    code, out, err = await export("--to", collector.url + given)
    assert (code, out, err) == (0, "", f"stackwire: sent to {collector.url}{path}\n")
    ((where, kind, document),) = collector.got
    assert (where, kind) == (path, "application/json")
    _, exported, _ = await export()
    assert document == json.loads(exported)


@pytest.mark.parametrize(
    ("status", "response", "error"),
    [
        (503, "", "answers 503"),
        (400, json.dumps({"code": 3, "message": "no\n span"}), "answers 400: no span"),
        (404, "page not found", "answers 404: page not found"),
        (200, json.dumps({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "full"}}), "refuses 2 spans: full"),
        (302, "", "answers 302"),
    ],
)
async def test_a_collector_that_refuses_is_quoted(collector: Collector, status: int, response: str, error: str) -> None:
    collector.status, collector.response = status, response
    code, out, err = await export("--to", collector.url)
    assert (code, out) == (2, "")
    assert err == f"stackwire: the collector at {collector.url}/v1/traces {error}\n"


@pytest.mark.parametrize("to", ["nonsense", "ftp://h/x", "http://", "http://[::1", "http://h:x/", ""])
async def test_a_malformed_collector_address_is_refused(to: str) -> None:
    code, out, err = await export("--to", to)
    assert (code, out) == (2, "")
    assert err == f"stackwire: a collector's address is http://host:port, not '{to}'\n"


async def test_an_unreachable_collector_is_one_line_without_its_login(collector: Collector) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for why in ("it closes the connection", "Connection refused"):
        code, out, err = await export("--to", f"http://me:SECRET@127.0.0.1:{port}")
        assert (code, out) == (2, "")
        assert err.startswith(f"stackwire: the collector at http://***@127.0.0.1:{port}/v1/traces cannot be reached: ")
        assert why in err
        assert len(err.splitlines()) == 1
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("words", "error"),
    [(("--form", "har"), "--to goes with --form otlp"), (("--form", "otlp", "-o", "file"), "exclude each other")],
)
async def test_only_otlp_goes_to_a_collector_and_to_one_place(words: tuple[str, ...], error: str) -> None:
    code, out, err = await trace("export", STORY, "--to", "http://127.0.0.1:1", *words, *RECORDED)
    assert (code, out) == (2, "")
    assert error in err
