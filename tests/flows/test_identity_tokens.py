"""Tokens: who gets one, what it contains, who may validate it, and what revokes it."""

import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from stackwire.core.tokens import TokenSigner
from support.cloud import TOKEN_KEY, Answer, JsonClient, TestCloud
from support.identity import lasting_identity
from support.postgres import TestServer

DEFAULT = {"id": "default"}
DEMO = {"name": "demo", "password": "secret", "domain": DEFAULT}
IN_DEMO = {"project": {"name": "demo", "domain": DEFAULT}}
ADMINS = ["admin", "manager", "member", "reader"]


@pytest.fixture(scope="module")
async def identity(
    postgres_server: TestServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestCloud]:
    folder = tmp_path_factory.mktemp("identity")
    async with lasting_identity(postgres_server, postgres_template, folder, "tokens") as cloud:
        yield cloud


@pytest.fixture
async def anyone(identity: TestCloud) -> JsonClient:
    """Sends requests with a token that is no token; asking for one needs none."""
    demo = await identity.http("demo")
    return JsonClient(demo._session, identity.urls, "none", demo.project_id)


def auth_body(user: Mapping[str, Any] = DEMO, scope: Any = None) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


async def request_token(client: JsonClient, body: Any, query: str = "") -> Answer:
    return await client.post("identity", f"/v3/auth/tokens{query}", json=body)


async def check(client: JsonClient, token: str) -> Answer:
    return await client.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": token})


def as_user(client: JsonClient, answer: Answer) -> JsonClient:
    token = answer.ok(201).headers["X-Subject-Token"]
    return JsonClient(client._session, client.urls, token, answer.json["token"].get("project", {}).get("id", ""))


@pytest.mark.parametrize(
    ("user", "scope", "roles"),
    [
        ("demo", IN_DEMO, ["member", "reader"]),
        ("reader", IN_DEMO, ["reader"]),
        ("admin", {"project": {"name": "admin", "domain": {"name": "Default"}}}, ADMINS),
        ("admin", {"system": {"all": True}}, ADMINS),
        ("nova", {"project": {"name": "service", "domain": DEFAULT}}, ["service"]),
        ("demo", None, ["member", "reader"]),
    ],
    ids=str,
)  # fmt: skip
async def test_every_seeded_account_gets_a_token_with_its_roles(
    anyone: JsonClient, user: str, scope: Any, roles: list[str]
) -> None:
    answer = (await request_token(anyone, auth_body({**DEMO, "name": user}, scope))).ok(201)
    token = answer.json["token"]
    assert [role["name"] for role in token["roles"]] == roles
    assert token["user"]["name"] == user
    assert token["user"]["domain"] == {"id": "default", "name": "Default"}
    assert {service["type"] for service in token["catalog"]} == {
        "identity", "image", "volumev3", "block-storage", "compute",
    }  # fmt: skip


async def test_services_read_the_same_claims_that_identity_returns(anyone: JsonClient) -> None:
    answer = await request_token(anyone, auth_body(DEMO, IN_DEMO))
    claims = TokenSigner(TOKEN_KEY).verify(answer.ok(201).headers["X-Subject-Token"])
    shown = answer.json["token"]
    assert (claims.user_id, claims.project_id) == (shown["user"]["id"], shown["project"]["id"])
    assert claims.role_names == ("member", "reader")
    assert [claims.audit_id] == shown["audit_ids"]


async def test_an_explicitly_unscoped_token_is_unscoped_though_there_is_a_default_project(anyone: JsonClient) -> None:
    token = (await request_token(anyone, auth_body(DEMO, "unscoped"))).ok(201).json["token"]
    assert not {"project", "roles", "catalog"} & set(token)


async def test_the_catalogue_is_left_out_on_request(anyone: JsonClient) -> None:
    assert "catalog" not in (await request_token(anyone, auth_body(DEMO, IN_DEMO), "?nocatalog")).ok(201).json["token"]


@pytest.mark.parametrize(
    "body",
    [
        auth_body({**DEMO, "password": "wrong"}),
        auth_body({**DEMO, "password": ""}),
        auth_body({**DEMO, "name": "nobody"}),
        auth_body({**DEMO, "domain": {"name": "Nowhere"}}),
        auth_body({"id": "nobody", "password": "secret"}),
        auth_body(DEMO, {"project": {"name": "alt", "domain": DEFAULT}}),
        auth_body(DEMO, {"project": {"id": "nothing"}}),
        auth_body(DEMO, {"domain": {"id": "default"}}),
        auth_body(DEMO, {"system": {"all": True}}),
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": ["totp"], "totp": {"user": {"id": "u", "passcode": "1"}}}}},
        {
            "auth": {
                "identity": {
                    "methods": ["application_credential"],
                    "application_credential": {"name": "none", "secret": "x", "user": {"id": "nobody"}},
                }
            }
        },
        auth_body(DEMO, {"OS-TRUST:trust": {"id": "none"}}),
        {"auth": {"identity": {"methods": ["external"], "external": {}}}},
    ],
    ids=lambda body: str(body["auth"]["identity"])[:70] + str(body["auth"].get("scope", ""))[:40],
)
async def test_all_wrong_credentials_are_refused_alike(anyone: JsonClient, body: Any) -> None:
    answer = await request_token(anyone, body)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
    error = answer.json["error"]
    assert (error["code"], error["title"]) == (401, "Unauthorized")
    assert "secret" not in answer.body.decode()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"auth": {}}', 400),
        (b'{"auth": {"identity": {}}}', 400),
        (b'{"auth": {"identity": {"methods": ["external"]}}}', 400),
        (b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "unknown"}}}}', 404),
        (b'{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {}}}}', 400),
        (
            b'{"auth": {"identity": {"methods": ["application_credential"],'
            b' "application_credential": {"id": "none", "secret": "x"}}}}',
            404,
        ),
        (
            b'{"auth": {"identity": {"methods": ["application_credential"],'
            b' "application_credential": {"name": "n", "secret": "x", "user": {"name": "demo"}}}}}',
            400,
        ),
        (b'{"auth": {"identity": {"methods": "password"}}}', 400),
        (b'{"auth": {"identity": {"methods": ["password"]}}}', 400),
        (b'{"auth": {"identity": {"methods": ["password"], "password": {}}}}', 400),
        (b'{"auth": {"identity": {"methods": ["token"], "token": {"id": 1e999}}}}', 400),
        (b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "a", "id": "b"}}}}', 400),
        (b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "\\u0000"}}}}', 400),
        (b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "\\ud800"}}}}', 400),
        (b"\xff\xfe", 400),
        (b" " * (1024 * 1024 + 1), 413),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_a_malformed_request_for_a_token_is_refused_in_keystones_words(
    anyone: JsonClient, raw: bytes, status: int
) -> None:
    answer = await anyone.post(
        "identity", "/v3/auth/tokens", data=io.BytesIO(raw), headers={"Content-Type": "application/json"}
    )
    assert answer.status == status
    assert set(answer.json["error"]) == {"code", "message", "title"}
    assert answer.json["error"]["code"] == status
    assert "Traceback" not in answer.body.decode()


async def test_a_token_can_be_rescoped_but_not_extended(anyone: JsonClient) -> None:
    unscoped = (await request_token(anyone, auth_body(DEMO, "unscoped"))).ok(201)
    again = {"auth": {"identity": {"methods": ["token"], "token": {"id": unscoped.headers["X-Subject-Token"]}},
                      "scope": IN_DEMO}}  # fmt: skip
    scoped = (await request_token(anyone, again)).ok(201).json["token"]
    assert scoped["project"]["name"] == "demo"
    assert set(scoped["methods"]) == {"token", "password"}
    assert scoped["expires_at"] == unscoped.json["token"]["expires_at"]
    assert scoped["audit_ids"][1] == unscoped.json["token"]["audit_ids"][0]


async def test_everybody_may_validate_their_own_token(identity: TestCloud) -> None:
    demo = await identity.http("demo")
    answer = (await check(demo, demo.token)).ok(200)
    assert answer.headers["X-Subject-Token"] == demo.token
    assert answer.json["token"]["project"]["id"] == demo.project_id
    await demo.request("HEAD", "identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})


async def test_admins_and_services_may_validate_others_tokens_and_members_may_not(identity: TestCloud) -> None:
    demo, alt = await identity.http("demo"), await identity.http("alt")
    (await check(await identity.http("admin"), demo.token)).ok(200)
    (await check(await identity.http("nova", "service"), demo.token)).ok(200)
    assert (await check(alt, demo.token)).status == 403
    assert (await check(alt, "no token")).status == 403


async def test_an_unknown_token_is_not_found_by_those_who_may_validate_it(identity: TestCloud) -> None:
    admin = await identity.http("admin")
    assert (await check(admin, "no.such.token")).status == 404
    assert (await admin.get("identity", "/v3/auth/tokens")).status == 404


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é".encode("latin-1").decode("latin-1"), "x" * 8000])
async def test_a_malformed_token_is_refused(anyone: JsonClient, token: str) -> None:
    anyone.token = token
    answer = await anyone.get("identity", "/v3/auth/projects", headers={"X-Roles": "admin", "X-User-Id": "admin"})
    assert answer.status in (400, 401)
    assert "error" in answer.json


async def test_a_revoked_token_is_refused(identity: TestCloud, anyone: JsonClient) -> None:
    user = as_user(anyone, await request_token(anyone, auth_body(DEMO, IN_DEMO)))
    answer = await user.delete("identity", "/v3/auth/tokens", headers={"X-Subject-Token": user.token})
    assert answer.status == 204
    assert (await user.get("identity", "/v3/auth/projects")).status == 401
    assert (await check(await identity.http("admin"), user.token)).status == 404
    assert (await check(await identity.http("demo"), user.token)).status == 404, "its owner may know that it is revoked"
    rescope = {"auth": {"identity": {"methods": ["token"], "token": {"id": user.token}}, "scope": IN_DEMO}}
    assert (await request_token(anyone, rescope)).status == 404
    as_user(anyone, await request_token(anyone, auth_body(DEMO, IN_DEMO)))
    await identity.settle()


async def test_members_may_not_revoke_each_others_tokens(identity: TestCloud) -> None:
    demo, alt = await identity.http("demo"), await identity.http("alt")
    answer = await alt.delete("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})
    assert answer.status == 403
    (await check(demo, demo.token)).ok(200)


async def test_a_caller_lists_the_scopes_a_token_can_have(identity: TestCloud) -> None:
    demo, admin = await identity.http("demo"), await identity.http("admin")
    names = [project["name"] for project in (await demo.get("identity", "/v3/auth/projects")).ok(200).json["projects"]]
    assert names == ["demo"]
    assert (await demo.get("identity", "/v3/auth/system")).ok(200).json["system"] == []
    assert (await admin.get("identity", "/v3/auth/system")).ok(200).json["system"] == [{"all": True}]
    assert (await demo.get("identity", "/v3/auth/domains")).ok(200).json["domains"] == []
    catalog = (await demo.get("identity", "/v3/auth/catalog")).ok(200).json["catalog"]
    assert {service["type"] for service in catalog} >= {"image", "compute"}


async def test_version_documents_need_no_token(anyone: JsonClient) -> None:
    choices = (await anyone.get("identity", "/")).ok(300).json["versions"]["values"]
    assert [version["id"] for version in choices] == ["v3.14"]
    for path in ("/v3", "/v3/"):
        version = (await anyone.get("identity", path)).ok(200).json["version"]
        assert version["status"] == "stable"
        assert version["links"][0]["href"].startswith(anyone.urls["identity"])


async def test_an_unknown_path_is_404_and_a_wrong_method_405(anyone: JsonClient) -> None:
    assert (await anyone.get("identity", "/v3/trusts")).status in (401, 404)
    wrong = await anyone.put("identity", "/v3/auth/tokens")
    assert wrong.status == 405
    assert "POST" in wrong.headers["Allow"]
    assert wrong.json["error"]["code"] == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/v3/OS-INHERIT/projects/p/users/u/roles/r/inherited_to_projects"), ("POST", "/v3/s3tokens")],
)
async def test_paths_that_are_not_simulated_are_501(identity: TestCloud, method: str, path: str) -> None:
    answer = await (await identity.http("admin")).request(method, "identity", path)
    assert answer.status == 501
    assert "does not simulate" in answer.json["error"]["message"]


async def test_services_endpoints_and_regions_can_be_read(identity: TestCloud) -> None:
    admin, demo = await identity.http("admin"), await identity.http("demo")
    for plural in ("services", "endpoints", "regions"):
        listed = (await admin.get("identity", f"/v3/{plural}")).ok(200).json[plural]
        one = (await admin.get("identity", f"/v3/{plural}/{listed[0]['id']}")).ok(200).json
        assert one[plural.removesuffix("s")] == listed[0]
        assert (await admin.get("identity", f"/v3/{plural}/none")).status == 404
    assert (await demo.get("identity", "/v3/services")).status == 403
    compute = (await admin.get("identity", "/v3/services?type=compute")).ok(200).json["services"]
    assert [service["name"] for service in compute] == ["nova"]
