"""What is logged: as text or as JSON, with the request's ids, and without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web

from stackwire.core.context import CURRENT, RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.core.settings import ServiceSettings
from stackwire.http.app import Route, make_app
from stackwire.runtime import logs
from stackwire.runtime.access import logger_of
from stackwire.runtime.logs import JsonFormatter, TextFormatter
from stackwire.runtime.port import Port

CTX = RequestContext(request_id="req-1", global_request_id="req-0", user_id="u", project_id="p")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"


class Written:
    """A logger of its own, whose lines are kept."""

    def __init__(self, formatter: logging.Formatter, name: str) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter)
        self.log = logging.getLogger(name)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture(params=[TextFormatter, JsonFormatter])
def written(request: pytest.FixtureRequest) -> Iterator[Written]:
    """The access log in each format."""
    written = Written(request.param(), "stackwire.access")
    level = written.log.level
    written.log.addHandler(written.handler)
    written.log.setLevel(logging.INFO)
    yield written
    written.log.removeHandler(written.handler)
    written.log.setLevel(level)


def test_json_has_the_ids_of_the_request_and_what_the_record_has_beside_its_text():
    written = Written(JsonFormatter(), "stackwire.test.json")
    written.log.addHandler(written.handler)
    token = CURRENT.set(CTX)
    written.log.warning("a %s", "line", extra={logs.EXTRA: {"volume": "v"}})
    CURRENT.reset(token)
    (line,) = map(json.loads, written.lines)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning", "logger": "stackwire.test.json", "message": "a line", "request_id": "req-1",
        "global_request_id": "req-0", "user_id": "u", "project_id": "p", "volume": "v",
    }  # fmt: skip


def test_text_has_both_ids_and_nothing_where_there_is_no_request():
    written = Written(TextFormatter(), "stackwire.test.text")
    written.log.addHandler(written.handler)
    token = CURRENT.set(CTX)
    written.log.warning("first")
    CURRENT.reset(token)
    written.log.warning("second")
    first, second = written.lines
    assert first.endswith(" WARNING stackwire.test.text [req-0 req-1] first")
    assert second.endswith(" WARNING stackwire.test.text: second")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize(
    "text",
    [
        "cannot connect to amqp://stackwire:canary@rabbitmq:5672/",
        "{'adminPass': 'canary'}",
        '{"password": "canary"}',
        "refused X-Auth-Token: canary",
        f"bad token {TOKEN.replace('eyJz', 'canary')}",
    ],
)
def test_a_warning_and_its_traceback_have_no_secret(formatter: logging.Formatter, text: str):
    written = Written(formatter, "stackwire.test.secret")
    written.log.addHandler(written.handler)
    try:
        raise ValueError(text)
    except ValueError as error:
        written.log.exception("it failed: %s", error)
    assert "canary" not in written.stream.getvalue()
    assert "ValueError" in written.stream.getvalue()


async def test_each_answered_request_is_a_line_and_probes_are_none(written: Written):
    async def show(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def keep(request: web.Request) -> web.Response:
        raise AssertionError("nobody is let in")

    app = make_app(
        routes=[
            Route("GET", "/boxes/{box}", show, public=True),
            Route("GET", "/tokens/{token}", show, public=True),
            Route("GET", "/private", keep),
        ],
        authenticator=_NobodyIsKnown(),
        errors=lambda request, error: web.Response(status=error.status),
        identity_url="http://identity",
    )
    port = Port("box", app, ServiceSettings(), logger_of("box", None), drain_seconds=1)
    url = f"http://127.0.0.1:{await port.start(0)}"
    async with aiohttp.ClientSession(headers={"X-Openstack-Request-Id": "req-" + "0" * 36}) as session:
        for path in ("/boxes/1?signature=canary", "/tokens/canary", "/healthcheck", "/private"):
            async with session.get(f"{url}{path}", headers={"X-Auth-Token": "canary"}):
                pass
    await port.stop()
    assert "canary" not in written.stream.getvalue()
    box, token, private = written.lines
    if isinstance(written.handler.formatter, JsonFormatter):
        line = json.loads(box)
        assert (line["service"], line["method"], line["path"], line["status"], line["bytes"] > 0) == (
            "box", "GET", "/boxes/1", 200, True,
        )  # fmt: skip
        assert line["request_id"].startswith("req-")
        assert json.loads(token)["path"] == "/tokens/***"
        assert json.loads(private)["status"] == 401
    else:
        assert '127.0.0.1 "GET /boxes/1" 200 ' in box
        assert '"GET /tokens/***" 200 ' in token
        assert '"GET /private" 401 ' in private


class _NobodyIsKnown:
    async def authenticate(self, request: web.Request) -> RequestContext:
        raise Unauthorized


@pytest.fixture
def levels() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("stackwire")
    handlers, before = root.handlers[:], (root.level, own.level)
    libraries = {name: logging.getLogger(name).level for name in ("aiormq", "aio_pika")}
    yield
    root.handlers[:] = handlers
    root.setLevel(before[0])
    own.setLevel(before[1])
    for name, level in libraries.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("level", "own", "others"),
    [
        ("debug", logging.DEBUG, logging.INFO),
        ("info", logging.INFO, logging.WARNING),
        ("warning", logging.WARNING, logging.WARNING),
        ("error", logging.ERROR, logging.ERROR),
    ],
)
@pytest.mark.usefixtures("levels")
def test_the_level_is_that_of_our_own_records(level: logs.LogLevel, own: int, others: int):
    logs.configure("json", level)
    assert logging.getLogger("stackwire.image").getEffectiveLevel() == own
    assert logging.getLogger("asyncio").getEffectiveLevel() == others


@pytest.mark.usefixtures("levels")
async def test_lines_written_without_a_record_stand_before_the_next_record(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(logs._Outputs, "log", None)
    logs.configure("json")
    written = logs.output()
    assert written is not None
    written.write_line("INFO", "stackwire.access", {"status": 200}, "first")
    assert stream.getvalue() == ""
    logging.getLogger("stackwire.test").warning("second")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["message"], first["status"], second["message"]) == ("first", 200, "second")
    written.write_line("INFO", "stackwire.access", {}, "third")
    written.flush()
    assert json.loads(stream.getvalue().splitlines()[-1])["message"] == "third"
    monkeypatch.setattr(logs._Outputs, "log", None)
