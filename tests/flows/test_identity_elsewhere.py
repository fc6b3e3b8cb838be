"""How other services believe a token: by its signature, until identity takes it back; or by asking a Keystone."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from stackwire.core.clock import Clock
from stackwire.core.tokens import TokenSigner
from stackwire.http.app import Route, make_app
from stackwire.http.auth import Authenticator, SignedTokenAuthenticator
from stackwire.http.keystone import KeystoneAuthenticator
from stackwire.http.request import CONTEXT, respond
from stackwire.identity.http.errors import keystone_error
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import Transport
from stackwire.runtime.revocations import RevocationWatch
from support.cloud import TOKEN_KEY, ACloud, JsonClient, TestCloud
from support.polling import until


@pytest.fixture
async def identity(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity",))


async def a_transport(identity: TestCloud) -> Transport:
    """Another service's way to the same bus."""
    return await connect("memory", name="elsewhere", broker=identity.cloud.broker)


class Slow(Clock):
    """A clock a test can push on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


async def whoami(request: web.Request) -> web.Response:
    ctx = request[CONTEXT]
    return respond(200, {"user": ctx.user_name, "project": ctx.project_id, "roles": ctx.roles,
                         "system": ctx.system_scope, "service_roles": ctx.service_roles})  # fmt: skip


class Elsewhere:
    """A service that only says who asks."""

    def __init__(self, authenticator: Authenticator) -> None:
        app = make_app(routes=[Route("GET", "/me", whoami)], authenticator=authenticator, errors=keystone_error)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def me(self, token: str | None, **headers: str) -> tuple[int, Any]:
        sent = {**headers, **({"X-Auth-Token": token} if token is not None else {})}
        port = self._runner.addresses[0][1]
        async with self._session.get(f"http://127.0.0.1:{port}/me", headers=sent) as response:
            return response.status, await response.json()


@pytest.fixture
async def clock() -> Slow:
    return Slow()


@pytest.fixture
async def keystone_user(identity: TestCloud, clock: Slow) -> AsyncIterator[Elsewhere]:
    authenticator = KeystoneAuthenticator(
        identity.auth_url, "glance", "secret", cache_seconds=60, cache_size=2, clock=clock
    )
    service = Elsewhere(authenticator)
    await service.start()
    yield service
    await service.stop()
    await authenticator.close()


async def revoke(client: JsonClient, token: str) -> None:
    (await client.delete("identity", "/v3/auth/tokens", headers={"X-Subject-Token": token})).ok(204)


async def test_a_service_is_notified_of_a_revocation_at_once(identity: TestCloud) -> None:
    transport = await a_transport(identity)
    watch = RevocationWatch(transport, "elsewhere", RpcClient(transport))
    service = Elsewhere(SignedTokenAuthenticator(TokenSigner(TOKEN_KEY), watch.revoked))
    await watch.server.start()
    await service.start()
    demo = await identity.http("demo")
    assert (await service.me(demo.token))[0] == 200
    await revoke(demo, demo.token)
    claims = TokenSigner(TOKEN_KEY).verify(demo.token)
    await until(lambda: watch.revoked(claims))
    assert (await service.me(demo.token))[0] == 401
    await service.stop()
    await watch.server.stop()
    await transport.close()


async def test_a_service_that_starts_later_fetches_earlier_revocations(identity: TestCloud) -> None:
    demo, admin = await identity.http("demo"), await identity.http("admin")
    await revoke(demo, demo.token)
    await identity.settle()
    transport = await a_transport(identity)
    watch = RevocationWatch(transport, "elsewhere", RpcClient(transport))
    signer = TokenSigner(TOKEN_KEY)
    assert not watch.revoked(signer.verify(demo.token))
    await watch.refresh()
    assert watch.revoked(signer.verify(demo.token))
    assert not watch.revoked(signer.verify(admin.token))
    await transport.close()


async def test_a_service_starts_while_identity_is_down(identity: TestCloud) -> None:
    transport = await a_transport(identity)
    demo = await identity.http("demo")
    await identity.cloud.services["identity"].stop()
    watch = RevocationWatch(transport, "elsewhere", RpcClient(transport))
    await watch.refresh()
    assert not watch.revoked(TokenSigner(TOKEN_KEY).verify(demo.token))
    await transport.close()


async def test_keystone_identifies_the_caller(identity: TestCloud, keystone_user: Elsewhere) -> None:
    demo, nova = await identity.http("demo"), await identity.http("nova", "service")
    status, me = await keystone_user.me(demo.token)
    assert (status, me["user"], me["project"], me["roles"]) == (200, "demo", demo.project_id, ["member", "reader"])
    status, me = await keystone_user.me(demo.token, **{"X-Service-Token": nova.token})
    assert (me["user"], me["service_roles"]) == ("demo", ["service"])


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c"])
async def test_keystone_refuses_a_forged_token(keystone_user: Elsewhere, token: str | None) -> None:
    assert (await keystone_user.me(token, **{"X-Roles": "admin"}))[0] == 401


async def test_a_validation_by_keystone_is_cached_for_a_while_and_no_longer(
    identity: TestCloud, keystone_user: Elsewhere, clock: Slow
) -> None:
    demo = await identity.http("demo")
    assert (await keystone_user.me(demo.token))[0] == 200
    await revoke(demo, demo.token)
    assert (await keystone_user.me(demo.token))[0] == 200
    clock.ahead = 61
    assert (await keystone_user.me(demo.token))[0] == 401


async def test_the_service_user_authenticates_again_after_its_token_was_revoked(
    identity: TestCloud, keystone_user: Elsewhere
) -> None:
    demo, admin, alt = [await identity.http(name) for name in ("demo", "admin", "alt")]
    assert (await keystone_user.me(demo.token))[0] == 200
    users = (await admin.get("identity", "/v3/users?name=glance")).ok(200).json["users"]
    for enabled in (False, True):
        (await admin.patch("identity", f"/v3/users/{users[0]['id']}", json={"user": {"enabled": enabled}})).ok(200)
    assert (await keystone_user.me(alt.token))[0] == 200


async def test_an_unreachable_keystone_is_a_503(identity: TestCloud, keystone_user: Elsewhere) -> None:
    demo = await identity.http("demo")
    await identity.cloud.services["identity"].stop()
    status, body = await keystone_user.me(demo.token)
    assert status == 503
    assert "secret" not in str(body)


async def test_revocations_missed_in_an_outage_of_the_bus_are_fetched_by_the_next_sweep(identity: TestCloud) -> None:
    transport = await a_transport(identity)
    watch = RevocationWatch(transport, "elsewhere", RpcClient(transport), every=0.01)
    demo = await identity.http("demo")
    await revoke(demo, demo.token)
    await identity.settle()
    claims = TokenSigner(TOKEN_KEY).verify(demo.token)
    await watch.sweep.run()
    await until(lambda: watch.revoked(claims))
    await transport.close()


async def test_the_image_service_validates_tokens_at_a_keystone_where_one_is_configured(a_cloud: ACloud) -> None:
    keystone = await a_cloud(services=("identity",))
    settings = {
        "keystone_url": keystone.auth_url, "keystone_user": "glance", "keystone_password": "secret",
        "token_key": "a key that signs nothing here, so it cannot help",
    }  # fmt: skip
    images = await a_cloud(services=("image",), settings={"image": settings})
    demo = await keystone.http("demo")
    client = JsonClient(demo._session, images.urls, demo.token, demo.project_id)
    image = (await client.post("image", "/v2/images", json={"name": "i"})).ok(201).json
    assert image["owner"] == demo.project_id
    client.token = "made up"
    assert (await client.get("image", "/v2/images")).status == 401
