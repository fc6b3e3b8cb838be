"""Domains, projects, users, groups and roles: made, changed, deleted, and what that does to tokens."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.identity import lasting_identity
from support.postgres import TestServer

ENTITY_TYPES = ("domain", "project", "user", "group", "role")


@pytest.fixture
async def identity(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity",))


@pytest.fixture(scope="module")
async def lasting(
    postgres_server: TestServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestCloud]:
    folder = tmp_path_factory.mktemp("identity")
    async with lasting_identity(postgres_server, postgres_template, folder, "people") as cloud:
        yield cloud


@pytest.fixture
async def watcher(lasting: TestCloud) -> JsonClient:
    """An administrator of an identity that the test must leave as it is."""
    return await lasting.http("admin")


@pytest.fixture
async def admin(identity: TestCloud) -> JsonClient:
    return await identity.http("admin")


async def created(client: JsonClient, entity: str, **values: Any) -> dict[str, Any]:
    answer = await client.post("identity", f"/v3/{entity}s", json={entity: values})
    body: dict[str, Any] = answer.ok(201).json[entity]
    return body


async def found(client: JsonClient, entity: str, name: str) -> dict[str, Any]:
    answer = await client.get("identity", f"/v3/{entity}s?name={name}")
    body: dict[str, Any] = answer.ok(200).json[f"{entity}s"][0]
    return body


async def login(client: JsonClient, user: str, password: str, project: str | None = None) -> Answer:
    default = {"id": "default"}
    person = {"name": user, "password": password, "domain": default}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": person}}}
    if project:
        auth["scope"] = {"project": {"name": project, "domain": default}}
    return await client.post("identity", "/v3/auth/tokens", json={"auth": auth})


def with_token(client: JsonClient, answer: Answer) -> JsonClient:
    return JsonClient(client._session, client.urls, answer.ok(201).headers["X-Subject-Token"], "")


@pytest.fixture
async def ada(admin: JsonClient) -> dict[str, Any]:
    """A user with the member role in a project of her own, both new."""
    project = await created(admin, "project", name="engine")
    user = await created(admin, "user", name="ada", password="old", default_project_id=project["id"], email="a@b")
    role = await found(admin, "role", "member")
    path = f"/v3/projects/{project['id']}/users/{user['id']}/roles/{role['id']}"
    (await admin.put("identity", path)).ok(204)
    return {"user": user, "project": project, "role": role, "path": path}


@pytest.mark.parametrize("entity", ENTITY_TYPES)
async def test_a_created_entity_can_be_shown_listed_updated_and_deleted(admin: JsonClient, entity: str) -> None:
    thing = await created(admin, entity, name="thing", description="first")
    path = f"/v3/{entity}s/{thing['id']}"
    assert (await admin.get("identity", path)).ok(200).json[entity] == thing
    assert thing["links"]["self"].endswith(path)
    assert thing["id"] in {
        row["id"] for row in (await admin.get("identity", f"/v3/{entity}s")).ok(200).json[f"{entity}s"]
    }
    changes = {"name": "other", "description": None, **({"enabled": False} if entity == "domain" else {})}
    changed = (await admin.patch("identity", path, json={entity: changes})).ok(200).json[entity]
    assert (changed["name"], changed["description"]) == ("other", None)
    assert (await admin.delete("identity", path)).status == 204
    missing = await admin.get("identity", path)
    assert missing.status == 404
    assert missing.json["error"]["message"] == f"Could not find {entity}: {thing['id']}."


@pytest.mark.parametrize("entity", ENTITY_TYPES)
async def test_a_name_can_be_used_once(admin: JsonClient, entity: str) -> None:
    await created(admin, entity, name="thing")
    again = await admin.post("identity", f"/v3/{entity}s", json={entity: {"name": "thing"}})
    assert again.status == 409
    assert "thing" in again.json["error"]["message"]
    assert len((await admin.get("identity", f"/v3/{entity}s?name=thing")).json[f"{entity}s"]) == 1


@pytest.mark.parametrize("entity", ENTITY_TYPES)
@pytest.mark.parametrize("user", ["demo", "reader", "alt"])
async def test_members_and_readers_may_neither_list_nor_create_nor_update(
    lasting: TestCloud, watcher: JsonClient, entity: str, user: str
) -> None:
    client = await lasting.http(user)
    thing = await created(watcher, entity, name=f"thing of {user}")
    path = f"/v3/{entity}s/{thing['id']}"
    answers = [
        await client.get("identity", f"/v3/{entity}s"),
        await client.get("identity", path),
        await client.get("identity", f"/v3/{entity}s/nothing"),
        await client.post("identity", f"/v3/{entity}s", json={entity: {"name": "mine"}}),
        await client.patch("identity", path, json={entity: {"name": "mine"}}),
        await client.delete("identity", path),
    ]
    assert [answer.status for answer in answers] == [403] * 6
    assert "identity:" in answers[0].json["error"]["message"]
    assert (await watcher.get("identity", path)).ok(200).json[entity] == thing


async def test_users_may_read_themselves_and_their_projects(identity: TestCloud) -> None:
    demo = await identity.http("demo")
    token = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).json["token"]
    user_id = token["user"]["id"]
    shown = (await demo.get("identity", f"/v3/users/{user_id}")).ok(200).json["user"]
    assert shown["name"] == "demo"
    assert "password" not in str(set(shown) - {"password_expires_at"})
    projects = (await demo.get("identity", f"/v3/users/{user_id}/projects")).ok(200).json["projects"]
    assert [project["name"] for project in projects] == ["demo"]
    (await demo.get("identity", f"/v3/projects/{demo.project_id}")).ok(200)
    (await demo.get("identity", "/v3/domains/default")).ok(200)
    assert (await demo.get("identity", f"/v3/users/{user_id}/groups")).ok(200).json["groups"] == []


BAD = [
    {},
    {"name": ""},
    {"name": "   "},
    {"name": None},
    {"name": 7},
    {"name": "x" * 300},
    {"name": "a\x00b"},
    {"name": "a", "id": "mine"},
    {"name": "a", "description": 5},
    {"name": "a", "links": {}},
]


@pytest.mark.parametrize("entity", ENTITY_TYPES)
@pytest.mark.parametrize("values", BAD, ids=lambda values: str(values)[:40])
async def test_bad_attributes_are_refused_and_nothing_is_created(
    watcher: JsonClient, entity: str, values: dict[str, Any]
) -> None:
    before = (await watcher.get("identity", f"/v3/{entity}s")).json[f"{entity}s"]
    answer = await watcher.post("identity", f"/v3/{entity}s", json={entity: values})
    assert answer.status == 400
    assert answer.json["error"]["title"] == "Bad Request"
    assert (await watcher.get("identity", f"/v3/{entity}s")).json[f"{entity}s"] == before


@pytest.mark.parametrize(
    ("entity", "values", "status"),
    [
        ("user", {"name": "a", "enabled": "yes"}, 400),
        ("user", {"name": "a", "password": 5}, 400),
        ("user", {"name": "a", "password": "x" * 5000}, 400),
        ("user", {"name": "a", "domain_id": "nowhere"}, 404),
        ("user", {"name": "a", "options": {"multi_factor_auth_enabled": True}}, 501),
        ("project", {"name": "a", "domain_id": "nowhere"}, 400),
        ("project", {"name": "a", "parent_id": "nothing"}, 400),
        ("project", {"name": "a", "options": {"colour": "blue"}}, 400),
        ("project", {"name": "a", "is_domain": True}, 501),
        ("project", {"name": "a", "tags": ["a,b"]}, 400),
        ("project", {"name": "a", "tags": "a"}, 400),
        ("role", {"name": "a", "domain_id": "default"}, 501),
        ("group", {"name": "a", "domain_id": "nowhere"}, 404),
    ],
    ids=str,
)
async def test_each_entity_type_has_its_own_refusals(
    watcher: JsonClient, entity: str, values: dict[str, Any], status: int
) -> None:
    assert (await watcher.post("identity", f"/v3/{entity}s", json={entity: values})).status == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?nonsense=1", 200),
        ("?enabled=perhaps", 400),
        ("?limit=x", 400),
        ("?limit=-1", 400),
        ("?name=", 400),
        ("?name__contains=a", 501),
    ],
)
async def test_a_filter_is_known_or_ignored_and_never_half_applied(
    watcher: JsonClient, query: str, status: int
) -> None:
    assert (await watcher.get("identity", f"/v3/users{query}")).status == status


async def test_lists_come_in_pages(admin: JsonClient) -> None:
    everybody = [user["id"] for user in (await admin.get("identity", "/v3/users")).json["users"]]
    listed: list[str] = []
    path = "/v3/users?limit=3"
    while path:
        body = (await admin.get("identity", path)).ok(200).json
        listed += [user["id"] for user in body["users"]]
        path = (body["links"]["next"] or "").removeprefix(admin.urls["identity"])
    assert listed == everybody == sorted(everybody)


async def test_unknown_attributes_are_kept(admin: JsonClient) -> None:
    user = await created(admin, "user", name="ada", email="ada@example.org", shoe_size=38)
    assert (user["email"], user["shoe_size"]) == ("ada@example.org", 38)
    changed = await admin.patch("identity", f"/v3/users/{user['id']}", json={"user": {"email": "new@example.org"}})
    assert changed.json["user"]["email"] == "new@example.org"
    assert changed.json["user"]["shoe_size"] == 38


async def test_domains_and_projects_cannot_be_moved(admin: JsonClient, ada: dict[str, Any]) -> None:
    path = f"/v3/users/{ada['user']['id']}"
    for moved in ({"domain_id": "other"}, {"id": "other"}):
        answer = await admin.patch("identity", path, json={"user": {"name": "bob", **moved}})
        assert answer.status == 400
    assert (await admin.get("identity", path)).json["user"]["name"] == "ada"
    same = {"id": ada["user"]["id"], "domain_id": "default", "name": "eve"}
    assert (await admin.patch("identity", path, json={"user": same})).ok(200).json["user"]["name"] == "eve"
    answer = await admin.patch(
        "identity", f"/v3/projects/{ada['project']['id']}", json={"project": {"parent_id": "other"}}
    )
    assert answer.status == 400


async def test_a_project_at_the_top_has_its_domain_for_a_parent(admin: JsonClient) -> None:
    top = await created(admin, "project", name="top")
    assert top["parent_id"] == "default"
    assert (await created(admin, "project", name="other", parent_id="default"))["parent_id"] == "default"
    child = await created(admin, "project", name="child", parent_id=top["id"])
    listed = (await admin.get("identity", f"/v3/projects?parent_id={top['id']}")).ok(200).json["projects"]
    assert [project["id"] for project in listed] == [child["id"]]


async def test_projects_are_tagged_and_found_by_their_tags(identity: TestCloud, admin: JsonClient) -> None:
    project = await created(admin, "project", name="tagged", tags=["red"])
    tags = f"/v3/projects/{project['id']}/tags"
    assert (await admin.put("identity", f"{tags}/blue")).status == 201
    assert (await admin.get("identity", tags)).ok(200).json["tags"] == ["blue", "red"]
    (await admin.request("HEAD", "identity", f"{tags}/blue")).ok(204)
    for query, names in (
        ("tags=red,blue", ["tagged"]), ("tags=red,green", []), ("tags-any=red,green", ["tagged"]),
        ("not-tags=red&name=tagged", []), ("not-tags-any=green&name=tagged", ["tagged"]),
    ):  # fmt: skip
        listed = (await admin.get("identity", f"/v3/projects?{query}")).ok(200).json["projects"]
        assert [row["name"] for row in listed] == names, query
    assert (await (await identity.http("demo")).put("identity", f"{tags}/mine")).status == 403
    (await admin.delete("identity", f"{tags}/red")).ok(204)
    assert (await admin.delete("identity", f"{tags}/red")).status == 404
    assert (await admin.put("identity", f"{tags}/a,b")).status == 400
    assert (await admin.put("identity", tags, json={"tags": ["x", "y"]})).ok(200).json["tags"] == ["x", "y"]
    (await admin.delete("identity", tags)).ok(204)
    assert (await admin.get("identity", tags)).ok(200).json["tags"] == []


async def test_an_enabled_domain_and_a_project_with_children_cannot_be_deleted(admin: JsonClient) -> None:
    assert (await admin.delete("identity", "/v3/domains/default")).status == 403
    parent = await created(admin, "project", name="parent")
    await created(admin, "project", name="child", parent_id=parent["id"])
    assert (await admin.delete("identity", f"/v3/projects/{parent['id']}")).status == 403
    (await admin.get("identity", f"/v3/projects/{parent['id']}")).ok(200)


async def test_a_disabled_domain_is_deleted_with_all_that_is_in_it(admin: JsonClient) -> None:
    domain = await created(admin, "domain", name="island")
    user = await created(admin, "user", name="robinson", domain_id=domain["id"])
    path = f"/v3/domains/{domain['id']}"
    (await admin.patch("identity", path, json={"domain": {"enabled": False}})).ok(200)
    (await admin.delete("identity", path)).ok(204)
    assert (await admin.get("identity", f"/v3/users/{user['id']}")).status == 404


@pytest.mark.parametrize(
    "what",
    ["disable user", "delete user", "disable project", "delete project", "take the role", "delete the role",
     "change the password", "disable domain"],
)  # fmt: skip
async def test_a_token_is_revoked_with_whatever_it_depends_on(
    identity: TestCloud, admin: JsonClient, ada: dict[str, Any], what: str
) -> None:
    user, project = f"/v3/users/{ada['user']['id']}", f"/v3/projects/{ada['project']['id']}"
    token = with_token(admin, await login(admin, "ada", "old", "engine"))
    (await token.get("identity", user)).ok(200)
    steps = {
        "disable user": lambda: admin.patch("identity", user, json={"user": {"enabled": False}}),
        "delete user": lambda: admin.delete("identity", user),
        "disable project": lambda: admin.patch("identity", project, json={"project": {"enabled": False}}),
        "delete project": lambda: admin.delete("identity", project),
        "take the role": lambda: admin.delete("identity", ada["path"]),
        "delete the role": lambda: admin.delete("identity", f"/v3/roles/{ada['role']['id']}"),
        "change the password": lambda: admin.patch("identity", user, json={"user": {"password": "new"}}),
        "disable domain": lambda: admin.patch("identity", "/v3/domains/default", json={"domain": {"enabled": False}}),
    }
    (await steps[what]()).ok(200, 204)
    assert (await token.get("identity", user)).status == 401
    again = await login(admin, "ada", "old", "engine")
    assert again.status == 401
    await identity.settle()


async def test_users_change_their_own_password_with_the_old_one(admin: JsonClient, ada: dict[str, Any]) -> None:
    path = f"/v3/users/{ada['user']['id']}/password"
    token = with_token(admin, await login(admin, "ada", "old", "engine"))
    wrong = await token.post("identity", path, json={"user": {"password": "new", "original_password": "guess"}})
    assert wrong.status == 401
    done = await token.post("identity", path, json={"user": {"password": "new", "original_password": "old"}})
    assert done.status == 204
    assert (await token.get("identity", "/v3/auth/projects")).status == 401
    assert (await login(admin, "ada", "old", "engine")).status == 401
    fresh = with_token(admin, await login(admin, "ada", "new", "engine"))
    (await fresh.get("identity", "/v3/auth/projects")).ok(200)


async def test_a_user_without_a_password_cannot_log_in(admin: JsonClient) -> None:
    await created(admin, "user", name="ghost")
    assert (await login(admin, "ghost", "")).status == 401


async def test_roles_of_a_group_are_its_members_and_are_revoked_with_it(admin: JsonClient, ada: dict[str, Any]) -> None:
    group = await created(admin, "group", name="engineers")
    alt = await found(admin, "project", "alt")
    reader = await found(admin, "role", "reader")
    member = f"/v3/groups/{group['id']}/users/{ada['user']['id']}"
    (await admin.put("identity", f"/v3/projects/{alt['id']}/groups/{group['id']}/roles/{reader['id']}")).ok(204)
    assert (await login(admin, "ada", "old", "alt")).status == 401
    (await admin.put("identity", member)).ok(204)
    (await admin.request("HEAD", "identity", member)).ok(204)
    users = (await admin.get("identity", f"/v3/groups/{group['id']}/users")).ok(200).json["users"]
    assert [user["name"] for user in users] == ["ada"]
    token = with_token(admin, await login(admin, "ada", "old", "alt"))
    (await token.get("identity", "/v3/auth/projects")).ok(200)
    (await admin.delete("identity", member)).ok(204)
    assert (await token.get("identity", "/v3/auth/projects")).status == 401
    assert (await login(admin, "ada", "old", "alt")).status == 401
    assert (await admin.delete("identity", member)).status == 404


@pytest.mark.parametrize("place", ["projects/{project}", "domains/default", "system"])
async def test_a_role_is_assigned_checked_listed_and_revoked_on_any_scope(
    admin: JsonClient, ada: dict[str, Any], place: str
) -> None:
    role = await found(admin, "role", "manager")
    where = place.format(project=ada["project"]["id"])
    roles = f"/v3/{where}/users/{ada['user']['id']}/roles"
    path = f"{roles}/{role['id']}"
    assert (await admin.request("HEAD", "identity", path)).status == 404
    for _ in range(2):
        assert (await admin.put("identity", path)).status == 204
    assert (await admin.request("HEAD", "identity", path)).status == 204
    assert (await admin.get("identity", path)).status == 204
    assert "manager" in {row["name"] for row in (await admin.get("identity", roles)).ok(200).json["roles"]}
    assert (await admin.delete("identity", path)).status == 204
    assert (await admin.delete("identity", path)).status == 404


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/v3/projects/nothing/users/{user}/roles/{role}", "project: nothing"),
        ("/v3/projects/{project}/users/nobody/roles/{role}", "user: nobody"),
        ("/v3/projects/{project}/users/{user}/roles/none", "role: none"),
        ("/v3/projects/{project}/groups/nobody/roles/{role}", "group: nobody"),
        ("/v3/domains/nowhere/users/{user}/roles/{role}", "domain: nowhere"),
        ("/v3/system/users/nobody/roles/{role}", "user: nobody"),
    ],
)
async def test_a_role_assignment_to_unknown_entities_names_what_is_missing(
    admin: JsonClient, ada: dict[str, Any], path: str, missing: str
) -> None:
    ids = {key: ada[key]["id"] for key in ("user", "project", "role")}
    answer = await admin.put("identity", path.format(**ids))
    assert answer.status == 404
    assert answer.json["error"]["message"] == f"Could not find {missing}."


async def test_members_may_not_change_assignments(identity: TestCloud, ada: dict[str, Any]) -> None:
    demo = await identity.http("demo")
    for method in ("PUT", "HEAD", "GET", "DELETE"):
        assert (await demo.request(method, "identity", ada["path"])).status == 403
    assert (await demo.get("identity", "/v3/role_assignments")).status == 403


async def test_assignments_are_listed_by_filter_with_names_and_effective_ones(
    admin: JsonClient, ada: dict[str, Any]
) -> None:
    query = f"/v3/role_assignments?user.id={ada['user']['id']}&scope.project.id={ada['project']['id']}"
    plain = (await admin.get("identity", query)).ok(200).json["role_assignments"]
    assert [(row["role"], row["user"], row["scope"]) for row in plain] == [
        ({"id": ada["role"]["id"]}, {"id": ada["user"]["id"]}, {"project": {"id": ada["project"]["id"]}})
    ]
    named = (await admin.get("identity", f"{query}&include_names")).ok(200).json["role_assignments"][0]
    assert named["user"]["domain"]["name"] == "Default"
    assert (named["role"]["name"], named["scope"]["project"]["name"]) == ("member", "engine")
    effective = (await admin.get("identity", f"{query}&effective&include_names=True")).ok(200).json
    assert [row["role"]["name"] for row in effective["role_assignments"]] == ["member", "reader"]
    system = (await admin.get("identity", "/v3/role_assignments?scope.system=all")).ok(200).json["role_assignments"]
    assert [row["scope"] for row in system] == [{"system": {"all": True}}]
    nobody = await admin.get("identity", "/v3/role_assignments?user.id=nobody&effective")
    assert nobody.status == 404


async def test_implied_roles_are_held_with_the_prior_role(admin: JsonClient, ada: dict[str, Any]) -> None:
    extra = await created(admin, "role", name="extra")
    path = f"/v3/roles/{ada['role']['id']}/implies/{extra['id']}"
    assert (await admin.request("HEAD", "identity", path)).status == 404
    (await admin.put("identity", path)).ok(201)
    (await admin.request("HEAD", "identity", path)).ok(204)
    names = [role["name"] for role in (await login(admin, "ada", "old", "engine")).ok(201).json["token"]["roles"]]
    assert names == ["extra", "member", "reader"]
    rules = (await admin.get("identity", "/v3/role_inferences")).ok(200).json["role_inferences"]
    assert "member" in {rule["prior_role"]["name"] for rule in rules}
    (await admin.delete("identity", path)).ok(204)
    assert (await admin.get("identity", "/v3/users")).status == 401  # the administrator's own token carried it too
    admin = with_token(admin, await login(admin, "admin", "secret", "admin"))
    names = [role["name"] for role in (await login(admin, "ada", "old", "engine")).ok(201).json["token"]["roles"]]
    assert names == ["member", "reader"]
    itself = await admin.put("identity", f"/v3/roles/{extra['id']}/implies/{extra['id']}")
    assert itself.status == 400


async def test_changes_survive_a_restart(a_cloud: ACloud) -> None:
    first = await a_cloud(services=("identity",))
    admin = await first.http("admin")
    demo = await found(admin, "user", "demo")
    member = await found(admin, "role", "member")
    (
        await admin.delete(
            "identity", f"/v3/projects/{(await first.http('demo')).project_id}/users/{demo['id']}/roles/{member['id']}"
        )
    ).ok(204)
    await first.settle()
    await first.cloud.stop()
    second = await a_cloud(services=("identity",))
    answer = await login(await second.http("admin"), "demo", "secret", "demo")
    assert [role["name"] for role in answer.ok(201).json["token"]["roles"]] == ["reader"]
