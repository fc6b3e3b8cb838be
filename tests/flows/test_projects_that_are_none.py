"""Projects named in a path or a body: compute and volume ask identity whether there are such, where the originals do.

Asked of a real cloud: Nova looks in quota sets (not when it resets them) and when a flavor is given to a project;
Cinder in the default types of projects alone. Nova believes whoever may not know, and everybody while Keystone is away.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from support.cloud import Answer, ASharedCloud, JsonClient, TestCloud

QUOTAS = "/v2.1/os-quota-sets"
NEW = {"OpenStack-API-Version": "volume 3.62"}
NOWHERE = {"identity_url": "http://127.0.0.1:9"}
UNKNOWN = ["a_b", "00000000000000000000000000000000"]
NO_IDS = [*UNKNOWN, "a.b", "%20", "..%2Fusers", "a" * 100, "%C3%A9"]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def blind(a_shared_cloud: ASharedCloud) -> TestCloud:
    """A cloud whose compute and volume services do not reach identity."""
    return await a_shared_cloud(settings={"compute": NOWHERE, "volume": NOWHERE})


async def a_project(admin: JsonClient) -> str:
    made = await admin.post("identity", "/v3/projects", json={"project": {"name": str(uuid4())}})
    return str(made.ok(201).json["project"]["id"])


async def a_private_flavor(admin: JsonClient) -> str:
    wish = {"name": str(uuid4()), "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    return str((await admin.post("compute", "/v2.1/flavors", json={"flavor": wish})).ok(200).json["flavor"]["id"])


async def access(client: JsonClient, flavor: str, action: str, project: str, version: str = "2.1") -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    body = {f"{action}TenantAccess": {"tenant": project}}
    return await client.post("compute", f"/v2.1/flavors/{flavor}/action", json=body, headers=headers)


Call = Callable[[JsonClient, str], Awaitable[Answer]]
LIMITS = {"quota_set": {"cores": 3}}
OF_QUOTAS: dict[str, Call] = {
    "show": lambda client, project: client.get("compute", f"{QUOTAS}/{project}"),
    "show in detail": lambda client, project: client.get("compute", f"{QUOTAS}/{project}/detail"),
    "show the defaults": lambda client, project: client.get("compute", f"{QUOTAS}/{project}/defaults"),
    "set": lambda client, project: client.put("compute", f"{QUOTAS}/{project}", json=LIMITS),
}


@pytest.mark.parametrize("call", OF_QUOTAS)
async def test_there_are_quotas_of_projects_only(cloud: TestCloud, call: str) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    for no_id in NO_IDS:
        answer = await OF_QUOTAS[call](admin, no_id)
        assert answer.status == 400, (no_id, answer)
        assert answer.json["badRequest"]["message"].endswith("is not a valid project."), no_id
    may_not_know = 200 if call == "show the defaults" else 403
    assert [(await OF_QUOTAS[call](demo, no_id)).status for no_id in UNKNOWN] == [may_not_know] * 2
    assert await cloud.rows("compute", "SELECT * FROM quotas") == []
    (await OF_QUOTAS[call](admin, project := await a_project(admin))).ok(200)
    (await admin.delete("compute", f"{QUOTAS}/{project}")).ok(202)


async def test_quotas_of_a_project_that_is_gone_can_be_reset(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    project = await a_project(admin)
    (await admin.put("compute", f"{QUOTAS}/{project}", json=LIMITS)).ok(200)
    (await admin.delete("identity", f"/v3/projects/{project}")).ok(204)
    assert (await admin.get("compute", f"{QUOTAS}/{project}")).status == 400
    (await admin.delete("compute", f"{QUOTAS}/{project}")).ok(202)
    assert await cloud.rows("compute", "SELECT * FROM quotas WHERE project_id = $1", project) == []


async def test_a_flavor_is_given_to_projects_only(cloud: TestCloud) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    flavor, project = await a_private_flavor(admin), await a_project(admin)
    for no_id in ("nope", "..", "a" * 100):
        answer = await access(admin, flavor, "add", no_id)
        assert answer.status == 400
        assert answer.json["badRequest"]["message"] == f"Project ID {no_id} is not a valid project."
        assert (await access(admin, flavor, "remove", no_id)).status == 404
    assert (await access(admin, "nope", "add", "nope")).status == 400
    assert (await access(admin, "nope", "add", project)).status == 404
    assert (await access(demo, flavor, "add", "nope")).status == 403
    (await access(admin, flavor, "add", project)).ok(200)
    assert (await access(admin, flavor, "add", project)).status == 409
    (await admin.delete("identity", f"/v3/projects/{project}")).ok(204)
    assert (await access(admin, flavor, "remove", project)).ok(200).json == {"flavor_access": []}


async def test_a_public_flavor_is_given_to_nobody_and_taken_from_nobody(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    flavor = (await admin.get("compute", "/v2.1/flavors")).json["flavors"][0]["id"]
    assert (await access(admin, flavor, "add", admin.project_id, "2.7")).status == 409
    assert (await access(admin, flavor, "remove", admin.project_id, "2.7")).status == 404


async def default_type(client: JsonClient, method: str, project: str) -> Answer:
    body: Any = {"default_type": {"volume_type": "__DEFAULT__"}} if method == "PUT" else None
    return await client.request(method, "volume", f"/v3/{{project_id}}/default-types/{project}", json=body, headers=NEW)


async def test_projects_alone_have_default_types(cloud: TestCloud) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    for no_id in NO_IDS:
        for method, status in (("GET", 404), ("PUT", 404), ("DELETE", 204)):
            answer = await default_type(admin, method, no_id)
            assert answer.status == status, (method, no_id)
            assert status == 204 or "Project with id" in answer.json["itemNotFound"]["message"]
            assert (await default_type(demo, method, no_id)).status == 403
    assert await cloud.rows("volume", "SELECT * FROM default_volume_types") == []
    project = await a_project(admin)
    (await default_type(admin, "PUT", project)).ok(200)
    (await admin.delete("identity", f"/v3/projects/{project}")).ok(204)
    assert (await default_type(admin, "GET", project)).status == 404
    (await default_type(admin, "DELETE", project)).ok(204)
    assert await cloud.rows("volume", "SELECT * FROM default_volume_types") == []


async def test_while_identity_is_away_compute_believes_that_there_is_the_project(blind: TestCloud) -> None:
    admin, flavor = await blind.http("admin"), await a_private_flavor(await blind.http("admin"))
    for call in OF_QUOTAS.values():
        (await call(admin, "some-project")).ok(200)
    (await access(admin, flavor, "add", "some-project")).ok(200)
    assert (await OF_QUOTAS["set"](admin, "..%2Fusers")).status == 400, "this one needs nobody to be asked"


async def test_while_identity_is_away_volume_knows_no_default_types(blind: TestCloud) -> None:
    admin = await blind.http("admin")
    assert [(await default_type(admin, method, admin.project_id)).status for method in ("GET", "PUT")] == [503, 503]
    assert (await default_type(admin, "DELETE", admin.project_id)).status == 204, "nobody needs to be asked"
    assert (await admin.get("volume", "/v3/{project_id}/default-types", headers=NEW)).ok(200).json[
        "default_types"
    ] == []
