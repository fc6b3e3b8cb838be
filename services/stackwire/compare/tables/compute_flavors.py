"""Flavors and quotas (``nova/api/openstack/compute/flavors.py``, ``quota_sets.py``)."""

from typing import Any

from stackwire.compare.request import Request

FLAVOR: dict[str, Any] = {
    "name": "{unique}",
    "ram": 65536,
    "vcpus": 64,
    "disk": 1000,
    "id": "{uuid}",
    "OS-FLV-EXT-DATA:ephemeral": 0,
    "swap": 0,
    "os-flavor-access:is_public": True,
}
QUOTAS = dict.fromkeys(("instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups"), 10)
NETWORK_QUOTAS = dict.fromkeys(("floating_ips", "fixed_ips", "security_groups", "security_group_rules"), -1)


def _create(name: str, version: str, unvaried: tuple[str, ...] = (), **fields: Any) -> Request:
    return Request(
        f"flavors.create{name}",
        "compute",
        "POST",
        "/flavors",
        body={"flavor": {**FLAVOR, **fields}},
        versions=(version,),
        admin=True,
        created="flavor.id",
        undo="/flavors/{}",
        unvaried=unvaried,
    )


def _of_flavor(name: str, method: str, path: str, body: Any, version: str = "2.1", flavor: str = "any") -> Request:
    path = f"/flavors/{{{flavor}_flavor}}{path}"
    return Request(f"flavors.{name}", "compute", method, path, body=body, versions=(version,), admin=True)


def _quotas(name: str, version: str, quotas: dict[str, Any]) -> Request:
    return Request(
        f"quotas.update{name}",
        "compute",
        "PUT",
        "/os-quota-sets/{any_project}",
        body={"quota_set": quotas},
        versions=(version,),
        admin=True,
    )


REQUESTS = [
    _create("", "2.1", rxtx_factor=1.0),
    _create("-described", "2.102", tuple(f"flavor.{key}" for key in FLAVOR), description="a"),
    _of_flavor("update", "PUT", "", {"flavor": {"description": "a"}}, "2.55"),
    _of_flavor("specs", "POST", "/os-extra_specs", {"extra_specs": {"a": "a"}}),
    _of_flavor("specs-set", "PUT", "/os-extra_specs/a", {"a": "a"}),
    Request(
        "flavors.access",
        "compute",
        "POST",
        "/flavors/{private_flavor}/action",
        body={"addTenantAccess": {"tenant": "{any_project}"}},
        versions=("2.1", "2.7"),
        admin=True,
        renew=("private_flavor",),
    ),
    _quotas("", "2.1", {**QUOTAS, **NETWORK_QUOTAS, "server_group_members": 10, "force": True}),
    _quotas("-short", "2.57", {"instances": 10, "force": False}),
]
