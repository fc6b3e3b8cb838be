"""Application credentials, trusts and EC2 keys: what tools log in with, and what such a login is good for.

Statuses and bodies are those of Keystone 30, to which the same requests were sent.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer

from support.builders.images import an_image
from support.builders.servers import a_server
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.identity import lasting_identity
from support.postgres import TestServer

FAR = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="module")
async def identity(
    postgres_server: TestServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestCloud]:
    folder = tmp_path_factory.mktemp("identity")
    async with lasting_identity(postgres_server, postgres_template, folder, "delegation") as cloud:
        yield cloud


class User:
    """A user with a password, and what the user does at identity."""

    def __init__(self, client: JsonClient, id: str) -> None:
        self.client = client
        self.id = id
        self.project_id = client.project_id
        self.home = f"/v3/users/{id}/application_credentials"

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.client.request(method, "identity", path, json=body)

    async def make(self, name: str, **values: Any) -> dict[str, Any]:
        answer = await self.ask("POST", self.home, {"application_credential": {"name": name, **values}})
        return dict(answer.ok(201).json["application_credential"])

    async def trusts(self, trustee: "User", **values: Any) -> Answer:
        body = {
            "trustor_user_id": self.id, "trustee_user_id": trustee.id, "impersonation": True,
            "project_id": self.project_id, "roles": [{"name": "member"}],
        }  # fmt: skip
        return await self.ask("POST", "/v3/OS-TRUST/trusts", {"trust": {**body, **values}})

    async def trust(self, trustee: "User", **values: Any) -> dict[str, Any]:
        return dict((await self.trusts(trustee, **values)).ok(201).json["trust"])


async def user(identity: TestCloud, name: str) -> User:
    client = await identity.http(name)
    answer = await client.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": client.token})
    return User(client, answer.ok(200).json["token"]["user"]["id"])


@pytest.fixture
async def demo(identity: TestCloud) -> User:
    return await user(identity, "demo")


@pytest.fixture
async def alt(identity: TestCloud) -> User:
    return await user(identity, "alt")


@pytest.fixture
async def admin(identity: TestCloud) -> User:
    return await user(identity, "admin")


async def log_in(client: JsonClient, method: str, data: Any, scope: Any = None) -> Answer:
    auth: dict[str, Any] = {"identity": {"methods": [method], method: data}}
    body = {"auth": auth if scope is None else {**auth, "scope": scope}}
    return await client.post("identity", "/v3/auth/tokens?nocatalog", json=body)


async def log_in_with(client: JsonClient, credential: dict[str, Any]) -> Answer:
    return await log_in(client, "application_credential", {key: credential[key] for key in ("id", "secret")})


async def trusted(client: JsonClient, trustee: str, trust_id: str) -> Answer:
    data = {"user": {"id": trustee, "password": "secret"}}
    return await log_in(client, "password", data, {"OS-TRUST:trust": {"id": trust_id}})


def with_token(client: JsonClient, answer: Answer) -> JsonClient:
    return JsonClient(client._session, client.urls, answer.ok(201).headers["X-Subject-Token"], client.project_id)


async def test_an_application_credential_logs_in_by_id_and_by_name(demo: User) -> None:
    made = await demo.make("ci", description="for builds", roles=[{"name": "reader"}], expires_at=FAR)
    assert (made["unrestricted"], made["system"], made["project_id"]) == (None, None, demo.project_id)
    assert [role["name"] for role in made["roles"]] == ["reader"]
    assert made["expires_at"] == "2099-01-01T00:00:00.000000"
    by_name = {"name": "ci", "secret": made["secret"]}
    domain = {"domain": {"id": "default"}}
    for data in (
        {"id": made["id"], "secret": made["secret"]},
        {**by_name, "user": {"id": demo.id}},
        {**by_name, "user": {"name": "demo", **domain}},
    ):
        token = (await log_in(demo.client, "application_credential", data)).ok(201).json["token"]
        assert token["application_credential"] == {"id": made["id"], "name": "ci", "restricted": True}
        assert (token["methods"], token["project"]["id"]) == (["application_credential"], demo.project_id)
        assert [role["name"] for role in token["roles"]] == ["reader"]
    shown = (await demo.ask("GET", f"{demo.home}/{made['id']}")).ok(200).json["application_credential"]
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    stored = await log_in(demo.client, "application_credential", {**by_name, "user": {"name": "alt", **domain}})
    assert stored.status == 401


async def test_what_is_asked_of_a_new_credential_is_checked(demo: User, alt: User, admin: User) -> None:
    await demo.make("taken")
    refused: list[tuple[dict[str, Any], int]] = [
        ({"name": "taken"}, 409),
        ({}, 400),
        ({"name": "x", "foo": 1}, 400),
        ({"name": None}, 400),
        ({"name": "x", "roles": [{"name": "admin"}]}, 400),
        ({"name": "x", "roles": [{"name": "nothing"}]}, 404),
        ({"name": "x", "roles": [{"id": "abcdef"}]}, 400),
        ({"name": "x", "roles": [{"id": "a", "name": "b"}]}, 400),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00"}, 400),
        ({"name": "x", "expires_at": "never"}, 400),
        ({"name": "x", "access_rules": [{"path": "/x", "method": "OPTIONS", "service": "compute"}]}, 400),
        ({"name": "x", "access_rules": [{"path": "x", "method": "GET", "service": "compute"}]}, 400),
        ({"name": "x", "access_rules": [{"path": "/x", "method": "GET"}]}, 400),
        ({"name": "x", "access_rules": [{"id": "none"}]}, 404),
    ]
    for values, status in refused:
        answer = await demo.ask("POST", demo.home, {"application_credential": values})
        assert answer.status == status, values
    for other in (alt, admin):
        answer = await other.ask("POST", demo.home, {"application_credential": {"name": "x"}})
        assert answer.status == 403
    assert "x" not in {each["name"] for each in (await demo.ask("GET", demo.home)).json["application_credentials"]}


async def test_a_credential_is_its_users_affair_and_an_administrators(demo: User, alt: User, admin: User) -> None:
    made = await demo.make("own")
    path = f"{demo.home}/{made['id']}"
    for asked in (path, f"{alt.home}/{made['id']}", demo.home):
        assert (await alt.ask("GET", asked)).status == 403
    assert (await alt.ask("DELETE", path)).status == 403
    assert (await admin.ask("GET", path)).status == 200
    assert (await admin.ask("GET", "/v3/users/nobody/application_credentials")).ok(200).json[
        "application_credentials"
    ] == []
    assert (await demo.ask("GET", f"{demo.home}/none")).status == 404
    assert (await demo.ask("DELETE", f"{demo.home}/none")).status == 404
    assert (await demo.ask("PATCH", path, {})).status == 405


async def test_a_restricted_credential_makes_no_others_and_its_token_no_other_token(demo: User, alt: User) -> None:
    tool = with_token(demo.client, await log_in_with(demo.client, await demo.make("restricted")))
    assert (await tool.post("identity", demo.home, json={"application_credential": {"name": "y"}})).status == 403
    assert (await tool.get("identity", demo.home)).status == 200
    free = await demo.make("unrestricted", unrestricted=True)
    tool = with_token(demo.client, await log_in_with(demo.client, free))
    await tool.post("identity", demo.home, json={"application_credential": {"name": "of a tool"}})
    trust = {"trustor_user_id": demo.id, "trustee_user_id": alt.id, "impersonation": True}
    assert (await tool.post("identity", "/v3/OS-TRUST/trusts", json={"trust": trust})).status == 403
    for scope in (None, {"project": {"id": demo.project_id}}):
        assert (await log_in(demo.client, "token", {"id": tool.token}, scope)).status == 403
    scoped = await log_in(
        demo.client, "application_credential", {"id": free["id"], "secret": free["secret"]}, {"system": {"all": True}}
    )
    assert scoped.status == 401


async def test_a_deleted_credential_takes_its_tokens_with_it(identity: TestCloud, demo: User, admin: User) -> None:
    made = await demo.make("short-lived")
    tool = with_token(demo.client, await log_in_with(demo.client, made))
    (await tool.get("identity", "/v3/auth/projects")).ok(200)
    assert (await demo.ask("DELETE", f"{demo.home}/{made['id']}")).status == 204
    assert (await tool.get("identity", "/v3/auth/projects")).status == 401
    assert (await log_in_with(demo.client, made)).status == 404
    await identity.settle()


async def test_a_token_ends_with_its_credential(demo: User) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    made = await demo.make("ends", expires_at=soon.strftime("%Y-%m-%dT%H:%M:%S"))
    token = (await log_in_with(demo.client, made)).ok(201).json["token"]
    assert datetime.fromisoformat(token["expires_at"]) == soon


async def a_worker(admin: User, name: str, project_id: str, *roles: str) -> User:
    """A new user with these roles on the project, logged in there."""
    body = {"user": {"name": name, "password": "secret"}}
    id = (await admin.ask("POST", "/v3/users", body)).ok(201).json["user"]["id"]
    for role in roles:
        (await admin.ask("PUT", f"/v3/projects/{project_id}/users/{id}/roles/{role}")).ok(204)
    password = {"user": {"id": id, "password": "secret"}}
    logged_in = await log_in(admin.client, "password", password, {"project": {"id": project_id}})
    return User(with_token(admin.client, logged_in), id)


async def role_id(admin: User, name: str) -> str:
    return str((await admin.ask("GET", f"/v3/roles?name={name}")).ok(200).json["roles"][0]["id"])


async def test_roles_that_the_user_lost_are_no_longer_the_credentials(demo: User, admin: User) -> None:
    role = (await admin.ask("POST", "/v3/roles", {"role": {"name": "operator"}})).ok(201).json["role"]["id"]
    worker = await a_worker(admin, "worker", demo.project_id, role)
    credential = await worker.make("operating")
    grant = f"/v3/projects/{demo.project_id}/users/{worker.id}/roles/{role}"
    statuses = []
    for method in ("PUT", "DELETE", "PUT"):
        assert (await admin.ask(method, grant)).status == 204
        statuses.append((await log_in_with(worker.client, credential)).status)
    assert statuses == [201, 401, 201]
    assert (await admin.ask("DELETE", f"/v3/roles/{role}")).status == 204
    assert (await admin.ask("GET", worker.home)).ok(200).json["application_credentials"] == []


async def test_the_credentials_of_a_deleted_user_or_project_log_nobody_in(admin: User) -> None:
    project = (await admin.ask("POST", "/v3/projects", {"project": {"name": "short"}})).ok(201).json["project"]["id"]
    member = await role_id(admin, "member")
    for kind in ("users", "projects"):
        worker = await a_worker(admin, f"of-{kind}", project, member)
        credential = await worker.make("x")
        tool = with_token(admin.client, await log_in_with(admin.client, credential))
        deleted = worker.id if kind == "users" else project
        assert (await admin.ask("DELETE", f"/v3/{kind}/{deleted}")).status == 204
        assert (await log_in_with(admin.client, credential)).status in (401, 404)
        assert (await tool.get("identity", "/v3/auth/projects")).status == 401


async def test_a_trust_holds_while_its_trustor_has_the_roles_and_is_enabled(alt: User, admin: User) -> None:
    made = await admin.ask("POST", "/v3/projects", {"project": {"name": "trusted"}})
    project, member = made.ok(201).json["project"]["id"], await role_id(admin, "member")
    worker = await a_worker(admin, "trustor", project, member)
    trust = await worker.trust(alt, project_id=project)
    grant, account = f"/v3/projects/{project}/users/{worker.id}/roles/{member}", f"/v3/users/{worker.id}"
    trustee = with_token(alt.client, await trusted(alt.client, alt.id, trust["id"]))
    assert (await admin.ask("DELETE", grant)).status == 204
    assert (await trustee.get("identity", "/v3/auth/projects")).status == 401
    assert (await trusted(alt.client, alt.id, trust["id"])).status == 403
    await admin.ask("PUT", grant)
    trustee = with_token(alt.client, await trusted(alt.client, alt.id, trust["id"]))
    assert (await admin.ask("PATCH", account, {"user": {"enabled": False}})).status == 200
    assert (await trustee.get("identity", "/v3/auth/projects")).status == 401
    assert (await trusted(alt.client, alt.id, trust["id"])).status == 403
    assert (await admin.ask("DELETE", account)).status == 204
    assert (await trusted(alt.client, alt.id, trust["id"])).status == 401


async def test_access_rules_are_shared_listed_and_kept_while_in_use(demo: User, alt: User) -> None:
    rule = {"path": "/v2.1/servers", "method": "GET", "service": "compute"}
    first = await demo.make("one rule", access_rules=[rule])
    second = await demo.make("the same rule", access_rules=[{"id": first["access_rules"][0]["id"]}])
    assert first["access_rules"] == second["access_rules"]
    home = f"/v3/users/{demo.id}/access_rules"
    listed = (await demo.ask("GET", f"{home}?service=compute&method=GET")).ok(200).json["access_rules"]
    assert [each["path"] for each in listed] == ["/v2.1/servers"]
    path = f"{home}/{listed[0]['id']}"
    assert (await demo.ask("GET", path)).ok(200).json["access_rule"] == listed[0]
    assert (await alt.ask("GET", home)).status == 403
    assert (await demo.ask("GET", f"{home}/none")).status == 404
    assert (await demo.ask("DELETE", path)).status == 403
    for made in (first, second):
        await demo.ask("DELETE", f"{demo.home}/{made['id']}")
    assert (await demo.ask("DELETE", path)).status == 204
    assert (await demo.ask("DELETE", path)).status == 404


async def test_a_token_with_access_rules_is_shown_to_those_who_heed_them(demo: User, admin: User) -> None:
    rules = [{"path": "/v3/auth/catalog", "method": "GET", "service": "identity"}]
    made = await demo.make("careful", access_rules=rules)
    token = (await log_in_with(demo.client, made)).ok(201)
    assert token.json["token"]["application_credential"]["access_rules"] == made["access_rules"]
    headers = {"X-Subject-Token": token.headers["X-Subject-Token"]}
    assert (await admin.client.get("identity", "/v3/auth/tokens", headers=headers)).status == 404
    headers["OpenStack-Identity-Access-Rules"] = "1.0"
    (await admin.client.get("identity", "/v3/auth/tokens", headers=headers)).ok(200)
    tool = with_token(demo.client, token)
    assert (await tool.get("identity", "/v3/auth/catalog")).status == 200
    assert (await tool.get("identity", "/v3/auth/projects")).status == 401
    (await tool.get("identity", "/v3/auth/tokens", headers={**headers, "X-Subject-Token": tool.token})).ok(200)


async def test_every_service_heeds_the_access_rules(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    demo = await user(cloud, "demo")
    rules = [
        {"service": "image", "path": "/v2/images/*", "method": "GET"},
        {"service": "image", "path": "/v2/images", "method": "POST"},
        {"service": "compute", "path": "/v2.1/flavors", "method": "GET"},
        {"service": "volumev3", "path": "/v3/{project_id}/types/**", "method": "GET"},
        {"service": "block-storage", "path": "/v3/{project_id}/volumes", "method": "GET"},
    ]
    made = await demo.make("pipeline", access_rules=rules)
    tool = with_token(demo.client, await log_in_with(demo.client, made))
    image = (await tool.post("image", "/v2/images", json={"name": "i"})).ok(201).json["id"]
    allowed = [
        ("GET", "image", f"/v2/images/{image}"),
        ("GET", "compute", "/v2.1/flavors"),
        ("GET", "volume", "/v3/{project_id}/types/default"),
        ("GET", "volume", "/v3/{project_id}/volumes"),
    ]
    refused = [
        ("GET", "image", "/v2/images"),
        ("DELETE", "image", f"/v2/images/{image}"),
        ("GET", "image", f"/v2/images/{image}/file"),
        ("GET", "compute", "/v2.1/flavors/detail"),
        ("POST", "compute", "/v2.1/servers"),
        ("GET", "volume", "/v3/{project_id}/volumes/detail"),
        ("POST", "volume", "/v3/{project_id}/volumes"),
    ]
    for method, service, path in allowed:
        (await tool.request(method, service, path)).ok()
    for method, service, path in refused:
        assert (await tool.request(method, service, path)).status == 401, path


async def test_what_follows_from_an_allowed_request_needs_no_rule(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    demo = await user(cloud, "demo")
    image = await an_image(demo.client)
    rules = [
        {"service": "compute", "path": "/v2.1/servers", "method": "POST"},
        {"service": "compute", "path": "/v2.1/servers/*", "method": "GET"},
    ]
    made = await demo.make("deployer", access_rules=rules)
    tool = with_token(demo.client, await log_in_with(demo.client, made))
    await a_server(cloud, tool, imageRef=image)
    assert (await tool.get("image", f"/v2/images/{image}")).status == 401


async def test_a_trustee_acts_as_the_trustor_or_for_the_trustor(demo: User, alt: User, admin: User) -> None:
    as_demo = await demo.trust(alt, roles=[{"name": "reader"}], expires_at=FAR)
    for_demo = await demo.trust(alt, impersonation=False)
    assert (as_demo["redelegation_count"], as_demo["remaining_uses"], as_demo["deleted_at"]) == (0, None, None)
    assert [role["name"] for role in as_demo["roles"]] == ["reader"]
    for trust, user_id, roles in ((as_demo, demo.id, ["reader"]), (for_demo, alt.id, ["member", "reader"])):
        token = (await trusted(alt.client, alt.id, trust["id"])).ok(201).json["token"]
        assert (token["user"]["id"], token["project"]["id"]) == (user_id, demo.project_id)
        assert [role["name"] for role in token["roles"]] == roles
        assert token["OS-TRUST:trust"] == {
            "id": trust["id"], "impersonation": trust["impersonation"],
            "trustor_user": {"id": demo.id}, "trustee_user": {"id": alt.id},
        }  # fmt: skip
    by_token = await log_in(alt.client, "token", {"id": alt.client.token}, {"OS-TRUST:trust": {"id": as_demo["id"]}})
    assert by_token.ok(201).json["token"]["methods"] == ["token", "password"]
    assert (await trusted(demo.client, demo.id, as_demo["id"])).status == 403
    assert (await trusted(alt.client, alt.id, "none")).status == 401


async def test_what_is_asked_of_a_new_trust_is_checked(demo: User, alt: User) -> None:
    refused: list[tuple[dict[str, Any], int]] = [
        ({"roles": []}, 403),
        ({"trustor_user_id": alt.id}, 403),
        ({"trustee_user_id": "none"}, 404),
        ({"roles": [{"name": "admin"}]}, 404),
        ({"roles": [{"name": "nothing"}]}, 404),
        ({"project_id": "none"}, 404),
        ({"project_id": alt.project_id}, 404),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400),
        ({"expires_at": "never"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": "1"}, 400),
        ({"impersonation": "yes"}, 400),
        ({"allow_redelegation": True, "remaining_uses": 2}, 400),
        ({"allow_redelegation": True, "redelegation_count": 9}, 403),
    ]
    for values, status in refused:
        assert (await demo.trusts(alt, **values)).status == status, values
    await demo.trust(alt, expires_at="2098-01-01T00:00:00Z")
    assert (await demo.trusts(alt, expires_at="2098-01-01T00:00:00Z")).status == 409


async def test_a_trust_is_used_as_often_as_it_says(demo: User, alt: User) -> None:
    trust = await demo.trust(alt, remaining_uses=2, expires_at="2097-01-01T00:00:00Z")
    assert [(await trusted(alt.client, alt.id, trust["id"])).status for _ in range(3)] == [201, 201, 401]
    assert (await demo.ask("GET", f"/v3/OS-TRUST/trusts/{trust['id']}")).status == 404


async def test_who_has_a_part_in_a_trust_sees_it_and_the_trustor_ends_it(
    identity: TestCloud, demo: User, alt: User, admin: User
) -> None:
    trust = await demo.trust(alt, colour="blue", expires_at="2096-01-01T00:00:00Z")
    path = f"/v3/OS-TRUST/trusts/{trust['id']}"
    for who in (demo, alt, admin):
        assert (await who.ask("GET", path)).ok(200).json["trust"] == trust
    role = trust["roles"][0]
    assert (await alt.ask("GET", f"{path}/roles")).ok(200).json["roles"] == [role]
    assert (await alt.ask("GET", f"{path}/roles/{role['id']}")).ok(200).json["role"] == role
    assert (await alt.client.request("HEAD", "identity", f"{path}/roles/{role['id']}")).status == 200
    assert (await alt.ask("GET", f"{path}/roles/none")).status == 404
    listed = (await alt.ask("GET", f"/v3/OS-TRUST/trusts?trustee_user_id={alt.id}")).ok(200).json["trusts"]
    assert trust["id"] in {each["id"] for each in listed}
    assert not any("roles" in each for each in listed)
    assert (await alt.ask("GET", f"/v3/OS-TRUST/trusts?trustor_user_id={demo.id}")).status == 403
    assert (await demo.ask("GET", "/v3/OS-TRUST/trusts")).status == 403
    assert (await admin.ask("GET", "/v3/OS-TRUST/trusts")).status == 200
    trustee = with_token(alt.client, await trusted(alt.client, alt.id, trust["id"]))
    (await trustee.get("identity", "/v3/auth/projects")).ok(200)
    assert (await alt.ask("DELETE", path)).status == 403
    assert (await demo.ask("DELETE", path)).status == 204
    assert (await demo.ask("DELETE", path)).status == 404
    assert (await trustee.get("identity", "/v3/auth/projects")).status == 401
    await identity.settle()


async def test_a_token_of_a_trust_makes_nothing_that_outlives_it(demo: User, alt: User) -> None:
    trust = await demo.trust(alt, expires_at="2095-01-01T00:00:00Z")
    trustee = with_token(alt.client, await trusted(alt.client, alt.id, trust["id"]))
    body = {"application_credential": {"name": "of a trust"}}
    assert (await trustee.post("identity", demo.home, json=body)).status == 403
    assert (await trustee.get("identity", demo.home)).status == 403
    assert (await trustee.get("identity", "/v3/credentials")).ok(200).json["credentials"] == []
    for scope in (None, {"project": {"id": demo.project_id}}):
        assert (await log_in(alt.client, "token", {"id": trustee.token}, scope)).status == 403


async def test_a_trust_is_passed_on_only_where_it_says_so(demo: User, alt: User, admin: User) -> None:
    closed = await demo.trust(alt, expires_at="2094-01-01T00:00:00Z")
    opened = await demo.trust(alt, expires_at="2093-01-01T00:00:00Z", allow_redelegation=True)
    assert opened["redelegation_count"] == 3

    async def passed_on(trust: dict[str, Any], **values: Any) -> Answer:
        trustee = User(with_token(demo.client, await trusted(alt.client, alt.id, trust["id"])), demo.id)
        return await trustee.trusts(admin, **values)

    assert (await passed_on(closed)).status == 403
    made = (await passed_on(opened)).ok(201).json["trust"]
    assert (made["redelegated_trust_id"], made["redelegation_count"]) == (opened["id"], 0)
    assert made["expires_at"] == opened["expires_at"]
    for values in ({"expires_at": FAR}, {"remaining_uses": 1}, {"roles": [{"name": "reader"}]},
                   {"allow_redelegation": True, "redelegation_count": 1}):  # fmt: skip
        assert (await passed_on(opened, **values)).status == 403, values
    (await trusted(admin.client, admin.id, made["id"])).ok(201)
    await demo.ask("DELETE", f"/v3/OS-TRUST/trusts/{opened['id']}")
    assert (await trusted(admin.client, admin.id, made["id"])).status == 401


async def test_ec2_keys_are_made_seen_and_removed_by_their_user(demo: User, alt: User, admin: User) -> None:
    home = f"/v3/users/{demo.id}/credentials/OS-EC2"
    made = (await demo.ask("POST", home, {"tenant_id": demo.project_id})).ok(201).json["credential"]
    assert (made["user_id"], made["tenant_id"], made["trust_id"]) == (demo.id, demo.project_id, None)
    path = f"{home}/{made['access']}"
    assert (await demo.ask("GET", home)).ok(200).json["credentials"] == [made]
    assert (await admin.ask("GET", path)).ok(200).json["credential"] == made
    for body in ({}, {"tenant_id": "none"}, {"tenant_id": 5}):
        assert (await demo.ask("POST", home, body)).status == 404
    for method, asked in (("GET", home), ("GET", path), ("DELETE", path), ("POST", home)):
        body = {"tenant_id": alt.project_id} if method == "POST" else None
        assert (await alt.ask(method, asked, body)).status == 403
    assert (await demo.ask("GET", f"{home}/none")).status == 404
    assert (await demo.ask("DELETE", path)).status == 204
    assert (await demo.ask("DELETE", path)).status == 404


async def test_a_signed_request_is_good_for_a_token_of_its_signer(demo: User, admin: User) -> None:
    home = f"/v3/users/{demo.id}/credentials/OS-EC2"
    made = (await demo.ask("POST", home, {"tenant_id": demo.project_id})).ok(201).json["credential"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def exchanged(who: User, secret: str, **changes: Any) -> Answer:
        params = {"AWSAccessKeyId": made["access"], "SignatureVersion": "2", "Timestamp": now}
        request = {"verb": "GET", "host": "h", "path": "/", "params": params, "access": made["access"], **changes}
        request["signature"] = Ec2Signer(secret).generate(json.loads(json.dumps(request)))
        return await who.ask("POST", "/v3/ec2tokens", {"credentials": request})

    answer = (await exchanged(admin, made["secret"])).ok(200)
    token = answer.json["token"]
    assert (token["methods"], token["user"]["id"], token["project"]["id"]) == (
        ["ec2credential"], demo.id, demo.project_id,
    )  # fmt: skip
    signed = answer.headers["X-Subject-Token"]
    assert (await log_in(demo.client, "token", {"id": signed})).status == 403
    client = JsonClient(demo.client._session, demo.client.urls, signed, demo.project_id)
    assert (await client.get("identity", home)).status == 403
    assert (await exchanged(admin, "another")).status == 401
    assert (await exchanged(admin, made["secret"], access="none")).status == 404
    assert (await exchanged(demo, made["secret"])).status == 403
    old = {"AWSAccessKeyId": made["access"], "SignatureVersion": "2", "Timestamp": "2020-01-01T00:00:00Z"}
    assert (await exchanged(admin, made["secret"], params=old)).status == 401
    assert (await admin.ask("POST", "/v3/ec2tokens", {})).status == 400
    assert (await admin.ask("POST", "/v3/ec2tokens", {"credentials": {"access": {}}})).status == 401
    await demo.ask("DELETE", f"{home}/{made['access']}")
    assert (await exchanged(admin, made["secret"])).status == 404


async def test_credentials_of_any_type_are_kept_for_their_user(
    identity: TestCloud, demo: User, alt: User, admin: User
) -> None:
    async def make(who: User, **values: Any) -> Answer:
        return await who.ask("POST", "/v3/credentials", {"credential": values})

    made = (
        (await make(demo, type="cert", blob="planted-blob", user_id=demo.id, colour="blue")).ok(201).json["credential"]
    )
    assert (made["project_id"], made["colour"], made["blob"]) == (None, "blue", "planted-blob")
    rows = await identity.rows("identity", "SELECT encrypted_blob FROM credentials")
    assert not any(b"planted-blob" in row["encrypted_blob"] for row in rows)
    path = f"/v3/credentials/{made['id']}"
    keys = {"type": "ec2", "user_id": demo.id, "blob": json.dumps({"access": "a1", "secret": "s"})}
    assert (await make(demo, **keys)).status == 400
    ec2 = (await make(demo, **keys, project_id=demo.project_id)).ok(201).json["credential"]
    assert (await make(demo, **keys, project_id=demo.project_id)).status == 409
    for blob in ("{", "[]", '{"secret": "s"}'):
        assert (await make(demo, type="ec2", user_id=demo.id, project_id="p", blob=blob)).status == 400
    assert (await make(demo, type="cert", blob="x", user_id=alt.id)).status == 403
    assert (await make(demo, type="cert", blob={}, user_id=demo.id)).status == 400
    changed = {"credential": {"blob": "new"}}
    assert (await demo.ask("PATCH", path, changed)).ok(200).json["credential"]["blob"] == "new"
    for body in ({"credential": {}}, {"credential": {"blob": "x", "type": "y"}}, {}):
        assert (await demo.ask("PATCH", path, body)).status == 400
    wider = {"credential": {"blob": json.dumps({"access": "a1", "secret": "s", "trust_id": "t"})}}
    assert (await demo.ask("PATCH", f"/v3/credentials/{ec2['id']}", wider)).status == 400
    assert (await alt.ask("GET", f"/v3/credentials?user_id={demo.id}")).ok(200).json["credentials"] == []
    for method in ("GET", "DELETE"):
        assert (await alt.ask(method, path)).status == 403
        assert (await demo.ask(method, "/v3/credentials/none")).status == 403
        assert (await admin.ask(method, "/v3/credentials/none")).status == 404
    listed = (await demo.ask("GET", "/v3/credentials?type=ec2")).ok(200).json["credentials"]
    assert [each["id"] for each in listed] == [ec2["id"]]
    for id in (made["id"], ec2["id"]):
        assert (await demo.ask("DELETE", f"/v3/credentials/{id}")).status == 204
