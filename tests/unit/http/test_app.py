"""The order around every handler, told through a small application."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from stackwire.core.errors import ServiceError
from stackwire.core.tokens import Claims, TokenSigner
from stackwire.http.app import Route, make_app
from stackwire.http.auth import SignedTokenAuthenticator
from stackwire.http.microversions import Microversion, VersionRange
from stackwire.http.request import CONTEXT, VERSION, json_body, respond

SIGNER = TokenSigner("the key of the tests, long enough to be one")
VERSIONS = VersionRange("compute", Microversion(2, 1), Microversion(2, 93), "X-OpenStack-Nova-API-Version")
REQUEST = "req-0a0b0c0d-0000-4000-8000-000000000001"

Client = TestClient[web.Request, web.Application]


def a_token(**changes: object) -> str:
    now = datetime.now(UTC)
    facts = {
        "audit_id": "a", "issued_at": now, "expires_at": now + timedelta(hours=1), "methods": ("password",),
        "user_id": "demo-id", "user_name": "demo", "user_domain_id": "default", "user_domain_name": "Default",
        "roles": (("1", "member"),), "project_id": "p",
    }  # fmt: skip
    return SIGNER.issue(Claims(**{**facts, **changes}))


async def who(request: web.Request) -> web.Response:
    ctx = request[CONTEXT]
    return respond(
        200,
        {
            "user": ctx.user_id, "roles": ctx.roles, "service": ctx.service_roles, "project": ctx.project_id,
            "global": ctx.global_request_id, "version": str(request[VERSION]),
        },
    )  # fmt: skip


async def echo(request: web.Request) -> web.Response:
    return respond(200, await json_body(request))


async def versions(request: web.Request) -> web.Response:
    return respond(300, {"versions": []})


async def broken(request: web.Request) -> web.Response:
    raise RuntimeError("select password from users")


def shape(request: web.Request, error: ServiceError) -> web.Response:
    return respond(error.status, {"error": {"code": error.status, "message": error.message}})


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = make_app(
        routes=[
            Route("GET", "/who", who),
            Route("POST", "/echo", echo),
            Route("GET", "/", versions, public=True),
            Route("GET", "/broken", broken),
        ],
        authenticator=SignedTokenAuthenticator(SIGNER),
        errors=shape,
        versions=VERSIONS,
    )
    async with TestClient(TestServer(app)) as client:
        yield client


def token(**changes: object) -> dict[str, str]:
    return {"X-Auth-Token": a_token(**changes)}


async def test_a_request_without_a_token_is_pointed_to_where_to_get_one(client: Client):
    answer = await client.get("/who")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


async def test_a_public_route_needs_no_token(client: Client):
    assert (await client.get("/")).status == 300


async def test_identity_headers_a_client_sends_itself_are_not_believed(client: Client):
    forged = {"X-Roles": "admin", "X-Project-Id": "other", "X-Service-Roles": "service"}
    answer = await (await client.get("/who", headers={**token(), **forged})).json()
    assert (answer["roles"], answer["project"], answer["service"]) == (["member"], "p", [])
    assert (await client.get("/who", headers=forged)).status == 401


async def test_a_service_token_adds_standing_and_keeps_the_user(client: Client):
    service = a_token(user_id="nova-id", roles=(("2", "service"),))
    answer = await (await client.get("/who", headers={**token(), "X-Service-Token": service})).json()
    assert (answer["user"], answer["service"]) == ("demo-id", ["service"])


async def test_the_id_a_client_sends_goes_on_as_the_global_one(client: Client):
    answer = await client.get("/who", headers={**token(), "X-Openstack-Request-Id": REQUEST})
    assert (await answer.json())["global"] == REQUEST
    assert answer.headers["X-Openstack-Request-Id"] != REQUEST


async def test_the_version_answered_in_is_echoed_under_both_names(client: Client):
    answer = await client.get("/who", headers={**token(), "OpenStack-API-Version": "compute 2.90"})
    assert answer.headers["OpenStack-API-Version"] == "compute 2.90"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.90"
    assert "OpenStack-API-Version" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("requested", "status", "got"),
    [
        ("compute latest", 200, "2.93"),
        ("volume 3.1", 200, "2.1"),
        ("compute 2.94", 406, None),
        ("compute 1.0", 406, None),
        ("compute 2", 400, None),
        ("compute 2.01", 400, None),
    ],
)
async def test_the_version_asked_for(client: Client, requested: str, status: int, got: str | None):
    answer = await client.get("/who", headers={**token(), "OpenStack-API-Version": requested})
    assert answer.status == status
    if got:
        assert (await answer.json())["version"] == got


async def test_a_wrong_verb_gets_the_right_ones(client: Client):
    answer = await client.delete("/who")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_an_unforeseen_failure_shows_nothing_of_itself(client: Client, caplog: pytest.LogCaptureFixture):
    answer = await client.get("/broken", headers=token())
    assert answer.status == 500
    assert "password" not in await answer.text()


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/xml"}, 415),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400),
        (b"", {"Content-Type": "application/json"}, 400),
        (b'{"a": "' + b"x" * 1024**2 + b'"}', {"Content-Type": "application/json"}, 413),
    ],
)
async def test_a_body_that_cannot_be_taken(client: Client, raw: bytes, headers: dict[str, str], status: int):
    answer = await client.post("/echo", data=io.BytesIO(raw), headers={**token(), **headers})
    assert answer.status == status
    assert (await client.get("/who", headers=token())).status == 200, "the next request is served"


@pytest.mark.parametrize(("path", "status"), [("/who?a=%00", 400), ("/%00", 404), ("/..%2f..%2fetc/passwd", 404)])
async def test_a_target_that_cannot_be_stored_is_refused(client: Client, path: str, status: int):
    assert (await client.get(path, headers=token())).status == status


async def test_a_service_that_is_well_says_so(client: Client):
    assert await (await client.get("/healthcheck")).text() == "OK"


async def test_a_body_that_trickles_in_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stackwire.http.request.BODY_SECONDS", 0.05)
    more = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await more.wait()

    answer = await client.post("/echo", data=trickle(), headers={**token(), "Content-Type": "application/json"})
    more.set()
    assert answer.status == 408
    assert answer.headers["Connection"] == "close"
