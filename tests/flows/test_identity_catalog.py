"""Services, endpoints, regions and unified limits, changed by an administrator.

Statuses and bodies are those of Keystone 30, to which the same requests were sent.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.cloud import Answer, JsonClient, TestCloud
from support.identity import lasting_identity
from support.postgres import TestServer


@pytest.fixture(scope="module")
async def identity(
    postgres_server: TestServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestCloud]:
    folder = tmp_path_factory.mktemp("identity")
    async with lasting_identity(postgres_server, postgres_template, folder, "catalog") as cloud:
        yield cloud


@pytest.fixture
async def admin(identity: TestCloud) -> JsonClient:
    return await identity.http("admin")


@pytest.fixture
async def demo(identity: TestCloud) -> JsonClient:
    return await identity.http("demo")


async def make(client: JsonClient, kind: str, /, **values: Any) -> Answer:
    return await client.post("identity", f"/v3/{kind}s", json={kind: values})


async def made(client: JsonClient, kind: str, /, **values: Any) -> dict[str, Any]:
    return dict((await make(client, kind, **values)).ok(201).json[kind])


async def change(client: JsonClient, kind: str, id: str, /, **values: Any) -> Answer:
    return await client.patch("identity", f"/v3/{kind}s/{id}", json={kind: values})


async def listed(client: JsonClient, type: str) -> list[dict[str, Any]] | None:
    """The endpoints that the next token's catalogue has for a type of service; None where it has no such service."""
    found = (await client.get("identity", "/v3/auth/catalog")).ok(200).json["catalog"]
    return next((service["endpoints"] for service in found if service["type"] == type), None)


async def test_a_new_service_is_in_the_next_catalogue(admin: JsonClient, demo: JsonClient) -> None:
    service = await made(admin, "service", type="dns", name="designate", description="names", colour="blue")
    assert (service["enabled"], service["description"], service["colour"]) == (True, "names", "blue")
    assert await listed(demo, "dns") == []
    url = "http://dns/%(project_id)s"
    endpoint = await made(admin, "endpoint", service_id=service["id"], interface="public", url=url, region="North")
    assert (endpoint["region"], endpoint["region_id"], endpoint["url"]) == ("North", "North", url)
    (await admin.get("identity", "/v3/regions/North")).ok(200)
    assert [each["url"] for each in await listed(demo, "dns") or ()] == [f"http://dns/{demo.project_id}"]
    (await change(admin, "endpoint", endpoint["id"], url="http://other/")).ok(200)
    assert [each["url"] for each in await listed(demo, "dns") or ()] == ["http://other/"]
    (await change(admin, "endpoint", endpoint["id"], enabled=False)).ok(200)
    assert await listed(demo, "dns") == []
    (await change(admin, "service", service["id"], enabled=False, name="other")).ok(200)
    assert await listed(demo, "dns") is None
    assert (await admin.delete("identity", f"/v3/services/{service['id']}")).status == 204
    assert (await admin.get("identity", f"/v3/endpoints/{endpoint['id']}")).status == 404
    assert (await admin.delete("identity", f"/v3/services/{service['id']}")).status == 404


async def test_what_the_settings_say_can_be_changed_and_removed(admin: JsonClient, demo: JsonClient) -> None:
    service = (await admin.get("identity", "/v3/services?type=compute")).ok(200).json["services"][0]
    query = f"service_id={service['id']}&interface=public"
    endpoint = (await admin.get("identity", f"/v3/endpoints?{query}")).ok(200).json["endpoints"][0]
    renamed = (await change(admin, "service", service["id"], name="nova2")).ok(200).json["service"]
    assert (renamed["id"], renamed["type"], renamed["name"]) == (service["id"], "compute", "nova2")
    (await change(admin, "endpoint", endpoint["id"], url="http://elsewhere/v2.1")).ok(200)
    urls = {each["interface"]: each["url"] for each in await listed(demo, "compute") or ()}
    assert urls["public"] == "http://elsewhere/v2.1" != urls["internal"]
    (await change(admin, "endpoint", endpoint["id"], url=endpoint["url"])).ok(200)
    volume = (await admin.get("identity", "/v3/services?type=volumev3")).ok(200).json["services"][0]
    assert (await admin.delete("identity", f"/v3/services/{volume['id']}")).status == 204
    assert await listed(demo, "volumev3") is None
    assert await listed(demo, "block-storage")


async def test_what_is_asked_of_the_catalogue_is_checked(admin: JsonClient, demo: JsonClient) -> None:
    service = (await made(admin, "service", type="checked"))["id"]
    good = {"service_id": service, "interface": "admin", "url": "http://x/"}
    endpoint = (await made(admin, "endpoint", **good))["id"]
    for kind, values in (
        ("service", {}),
        ("service", {"type": None}),
        ("service", {"type": "x", "name": ""}),
        ("service", {"type": "x", "enabled": "yes"}),
        ("endpoint", {**good, "interface": "secret"}),
        ("endpoint", {**good, "url": "x"}),
        ("endpoint", {**good, "url": "http://x/%(nothing)s"}),
        ("endpoint", {**good, "service_id": "none"}),
        ("endpoint", {**good, "region_id": "Nowhere"}),
        ("endpoint", {"interface": "admin"}),
        ("region", {"id": 5}),
        ("region", {"id": "x" * 256}),
    ):
        assert (await make(admin, kind, **values)).status == 400, values
    for kind, id, values, status in (
        ("service", service, {}, 400),
        ("service", service, {"id": "x"}, 400),
        ("service", "none", {"name": "x"}, 404),
        ("endpoint", endpoint, {}, 400),
        ("endpoint", endpoint, {"service_id": "none"}, 400),
        ("endpoint", endpoint, {"url": "http://x/%(nothing)s"}, 400),
        ("endpoint", "none", {"url": "http://x/"}, 404),
        ("region", "RegionOne", {}, 400),
        ("region", "RegionOne", {"id": "x"}, 400),
        ("region", "none", {"description": "x"}, 404),
        ("region", "RegionOne", {"parent_region_id": "none"}, 404),
    ):
        assert (await change(admin, kind, id, **values)).status == status, values
        assert (await change(demo, kind, id, **(values or {"description": "x"}))).status in (400, 403)
    for kind in ("service", "endpoint", "region"):
        assert (await demo.delete("identity", f"/v3/{kind}s/x")).status == 403
        assert (await admin.delete("identity", f"/v3/{kind}s/none")).status == 404
    assert (await admin.get("identity", "/v3/regions?colour=blue")).status == 400


async def test_regions_stand_in_a_tree(admin: JsonClient, demo: JsonClient) -> None:
    assert (await made(admin, "region", id="East", description=None))["description"] == ""
    assert len((await made(admin, "region"))["id"]) == 32
    assert (await make(admin, "region", id="East")).status == 409
    (await make(admin, "region", id="East-1", parent_region_id="East")).ok(201)
    assert (await make(admin, "region", id="x", parent_region_id="none")).status == 404
    assert (await change(admin, "region", "East", parent_region_id="East-1")).status == 400
    below = (await demo.get("identity", "/v3/regions?parent_region_id=East")).ok(200).json["regions"]
    assert [each["id"] for each in below] == ["East-1"]
    put = await admin.put("identity", "/v3/regions/West", json={"region": {"description": "w"}})
    assert put.ok(201).json["region"]["id"] == "West"
    for body, status in (({"id": "x"}, 400), ({}, 409)):
        assert (await admin.put("identity", "/v3/regions/West", json={"region": body})).status == status
    assert (await admin.delete("identity", "/v3/regions/RegionOne")).status == 403
    assert (await admin.delete("identity", "/v3/regions/East")).status == 204
    assert (await demo.get("identity", "/v3/regions/East-1")).status == 404


async def limits(client: JsonClient, kind: str, *values: dict[str, Any]) -> Answer:
    return await client.post("identity", f"/v3/{kind}s", json={f"{kind}s": list(values)})


async def test_a_limit_is_one_of_a_registered_limit(admin: JsonClient, demo: JsonClient, identity: TestCloud) -> None:
    service = (await admin.get("identity", "/v3/services?type=compute")).ok(200).json["services"][0]["id"]
    cores = {"service_id": service, "resource_name": "cores"}
    made = await limits(admin, "registered_limit", {**cores, "default_limit": 10})
    registered = made.ok(201).json["registered_limits"][0]
    assert (registered["region_id"], registered["description"], registered["default_limit"]) == (None, None, 10)
    of_demo = {**cores, "project_id": demo.project_id, "resource_limit": 5}
    limit = (await limits(admin, "limit", of_demo)).ok(201).json["limits"][0]
    assert {key: limit[key] for key in of_demo} == of_demo
    assert (await limits(admin, "limit", of_demo)).status == 409
    (await limits(admin, "limit", {**cores, "domain_id": "default", "resource_limit": 7})).ok(201)
    assert [each["id"] for each in (await demo.get("identity", "/v3/limits")).ok(200).json["limits"]] == [limit["id"]]
    assert len((await admin.get("identity", "/v3/limits?resource_name=cores")).ok(200).json["limits"]) == 2
    path = f"/v3/limits/{limit['id']}"
    assert (await demo.get("identity", path)).ok(200).json["limit"] == limit
    assert (await (await identity.http("alt")).get("identity", path)).status == 403
    assert (await change(admin, "limit", limit["id"], resource_limit=6)).ok(200).json["limit"]["resource_limit"] == 6
    assert (await change(admin, "registered_limit", registered["id"], default_limit=9)).status == 403
    assert (await admin.delete("identity", f"/v3/registered_limits/{registered['id']}")).status == 403
    for each in (await admin.get("identity", "/v3/limits")).json["limits"]:
        assert (await admin.delete("identity", f"/v3/limits/{each['id']}")).status == 204
    assert (await change(admin, "registered_limit", registered["id"], default_limit=9)).status == 200
    assert (await admin.delete("identity", f"/v3/registered_limits/{registered['id']}")).status == 204
    assert (await demo.get("identity", "/v3/limits/model")).ok(200).json["model"]["name"] == "flat"


async def test_what_is_asked_of_limits_is_checked(admin: JsonClient, demo: JsonClient) -> None:
    service = (await admin.get("identity", "/v3/services?type=image")).ok(200).json["services"][0]["id"]
    size = {"service_id": service, "resource_name": "size"}
    registered = {**size, "default_limit": -1}
    made = (await limits(admin, "registered_limit", registered)).ok(201).json["registered_limits"][0]["id"]
    of_demo = {**size, "project_id": demo.project_id, "resource_limit": 5}
    for kind, values, status in (
        ("registered_limit", registered, 409),
        ("registered_limit", size, 400),
        ("registered_limit", {**registered, "service_id": "none"}, 400),
        ("registered_limit", {**registered, "service_id": "a" * 32}, 400),
        ("registered_limit", {**registered, "region_id": "none"}, 400),
        ("registered_limit", {**registered, "default_limit": -2}, 400),
        ("registered_limit", {**registered, "default_limit": "1"}, 400),
        ("registered_limit", {**registered, "colour": "blue"}, 400),
        ("limit", {**of_demo, "resource_name": "other"}, 403),
        ("limit", {**of_demo, "region_id": "RegionOne"}, 403),
        ("limit", {**of_demo, "domain_id": "default"}, 400),
        ("limit", {**of_demo, "project_id": None}, 400),
        ("limit", {**of_demo, "project_id": "a" * 32}, 400),
    ):
        assert (await limits(admin, kind, values)).status == status, values
        assert (await limits(demo, kind, values)).status in (400, 403)
    for kind in ("registered_limit", "limit"):
        assert (await limits(admin, kind)).status == 400
        for answer in (
            await admin.get("identity", f"/v3/{kind}s/none"),
            await admin.delete("identity", f"/v3/{kind}s/none"),
            await change(admin, kind, "none"),
        ):
            assert answer.status == 404
    assert (await demo.get("identity", "/v3/limits/none")).status == 403
    assert (await change(admin, "registered_limit", made, service_id=None)).status == 400
    assert (await change(admin, "limit", "none", resource_name="x")).status == 400


COMMANDS = """\
application credential create --secret s3cret --role member --unrestricted tool
application credential create --access-rules RULES careful
application credential list -f value -c Name
application credential show tool -f value -c unrestricted
access rule list -f value -c Path
application credential delete tool careful
trust create --project admin --role member --impersonate admin demo
trust list -f value -c Impersonation
ec2 credentials create
ec2 credentials list
region create South --description warm
region set --description cold South
region show South -f value -c description
service create --name barbican --description secrets key-manager
service set --name barbican2 key-manager
service list -f value -c Name
endpoint create --region South key-manager public http://secrets/
endpoint list --service key-manager -f value -c URL
registered limit create --service key-manager --default-limit 1234 secrets
registered limit list -f json
limit create --project admin --service key-manager --resource-limit 567 secrets
limit list -f json
"""
OUTPUT = (
    "careful", "tool", "True", "/v2.1/servers", "cold", "barbican2", "http://secrets/", '"Default Limit": 1234',
    '"Resource Limit": 567',
)  # fmt: skip


async def test_the_stock_command_does_all_of_this(identity: TestCloud, tmp_path: Path) -> None:
    """In one process: it reads its commands from its input."""
    rules = tmp_path / "rules.json"
    rules.write_text('[{"path": "/v2.1/servers", "method": "GET", "service": "compute"}]')
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONWARNINGS": "ignore", "OS_AUTH_URL": identity.auth_url,
        "OS_USERNAME": "admin", "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3", "COLUMNS": "200",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("openstack")),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate(COMMANDS.replace("RULES", str(rules)).encode())
    lines = {line.removeprefix("(openstack) ").strip().rstrip(",") for line in out.decode().splitlines()}
    assert not [each for each in OUTPUT if each not in lines], f"{out.decode()}{err.decode()}"
    assert err.decode().strip() == ""
