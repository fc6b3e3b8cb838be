"""Parameters that a call does not know: refused from the microversion on that Nova's schemas of queries say."""

from typing import Any

import pytest

from support.cloud import Answer, ASharedCloud, JsonClient, TestCloud

NONE = "99999999-2222-4333-8444-555555555555"
LATEST = 104
UNKNOWN = {  # the version from which an unknown parameter of a GET is refused, as a real Nova's schemas have it
    53: "/os-hypervisors /os-hypervisors/detail /os-hypervisors/{id}",
    58: "/servers/{id}/os-instance-actions",
    59: "/os-migrations",
    75: "/flavors /flavors/detail /limits /os-keypairs /os-keypairs/{id} /os-quota-sets/{id} /os-quota-sets/{id}/detail"
        " /os-server-groups /os-services /os-simple-tenant-usage /os-simple-tenant-usage/{id} /servers /servers/detail"
        " /servers/{id}/os-volume_attachments",
    99: "/os-console-auth-tokens/{id}",
    102: "/extensions /extensions/{id} /flavors/{id} /flavors/{id}/os-extra_specs /flavors/{id}/os-extra_specs/{id}"
         " /flavors/{id}/os-flavor-access /os-aggregates /os-aggregates/999 /os-availability-zone"
         " /os-availability-zone/detail /os-instance_usage_audit_log /os-instance_usage_audit_log/2026-01-01"
         " /os-quota-class-sets/{id} /os-server-groups/{id} /servers/{id} /servers/{id}/diagnostics /servers/{id}/ips"
         " /servers/{id}/ips/x /servers/{id}/metadata /servers/{id}/metadata/x /servers/{id}/migrations"
         " /servers/{id}/migrations/1 /servers/{id}/os-instance-actions/x /servers/{id}/os-server-password"
         " /servers/{id}/topology",
}  # fmt: skip
NEVER = "/os-quota-sets/{id}/defaults /os-hypervisors/statistics"


@pytest.fixture(scope="module")
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud(services=("identity", "image", "volume", "compute"))


async def asked(client: JsonClient, path: str, version: int, query: str) -> Answer:
    headers = {"OpenStack-API-Version": f"compute 2.{version}"}
    return await client.get("compute", f"/v2.1{path.format(id=NONE)}?{query}", headers=headers)


def refused(answer: Answer, name: str) -> bool:
    said: Any = answer.json
    return answer.status == 400 and f"('{name}' was unexpected)" in said["badRequest"]["message"]


async def test_an_unknown_parameter_is_refused_from_its_version_on(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    wrong = []
    for since, paths in UNKNOWN.items():
        for path in paths.split():
            early = since != 99 and refused(await asked(admin, path, since - 1, "nonsense=1"), "nonsense")
            late = [refused(await asked(admin, path, at, "nonsense=1"), "nonsense") for at in (since, LATEST)]
            wrong += [] if (early, late) == (False, [True, True]) else [(path, early, late)]
    for path in NEVER.split():
        wrong += [path] if refused(await asked(admin, path, 87, "nonsense=1"), "nonsense") else []
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "version", "query", "status"),
    [
        ("/flavors", 101, "name=x", 400),
        ("/flavors", 102, "name=x", 200),
        ("/flavors", 74, "name=x", 200),
        ("/servers", 72, "locked=nonsense", 200),
        ("/servers", 73, "locked=nonsense", 400),
        ("/servers", 1, "name=", 400),
        ("/servers", 1, "status=", 200),
        ("/servers", 25, "tags=", 200),
        ("/servers", 26, "tags=", 400),
        ("/os-hypervisors", 52, "hypervisor_hostname_pattern=", 200),
        ("/os-hypervisors", 53, "hypervisor_hostname_pattern=", 400),
        ("/os-hypervisors", 53, "hypervisor_hostname_pattern=a%20b", 400),
        ("/os-hypervisors/1", 52, "", 200),
        ("/os-hypervisors/1", 53, "", 400),
        ("/os-hypervisors/{id}", 53, "", 404),
        ("/images", 35, "page_size=x", 400),
        ("/images", 35, "offset=", 400),
        ("/images", 35, "offset=7", 200),
    ],
)
async def test_a_value_is_looked_at_in_its_version(
    cloud: TestCloud, path: str, version: int, query: str, status: int
) -> None:
    assert (await asked(await cloud.http("admin"), path, version, query)).status == status
