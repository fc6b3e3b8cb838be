"""Where servers run: aggregates, groups of servers, services, quotas of classes and users."""

from typing import Any

from stackwire.compare.request import Request

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def _group(suffix: str, version: str, **fields: Any) -> Request:
    return Request(
        f"server-groups.create{suffix}",
        "compute",
        "POST",
        "/os-server-groups",
        {"server_group": {"name": "compared", **fields}},
        versions=(version,),
        created="server_group.id",
        undo="/os-server-groups/{}",
    )


def _none(name: str, method: str, path: str, body: Any, *versions: str, status: int = 404) -> Request:
    """Of something that is not there."""
    return Request(name, "compute", method, path, body, versions=versions or ("2.1",), admin=True, status=status)


REQUESTS = [
    Request(
        "aggregates.create",
        "compute",
        "POST",
        "/os-aggregates",
        {"aggregate": {"name": "{unique}", "availability_zone": "compared"}},
        versions=("2.1",),
        admin=True,
        created="aggregate.id",
        undo="/os-aggregates/{}",
    ),
    _none("aggregates.update", "PUT", "/os-aggregates/4711", {"aggregate": {"name": "a", "availability_zone": "a"}}),
    _none("aggregates.add_host", "POST", "/os-aggregates/4711/action", {"add_host": {"host": "a"}}),
    _none("aggregates.remove_host", "POST", "/os-aggregates/4711/action", {"remove_host": {"host": "a"}}),
    _none("aggregates.set_metadata", "POST", "/os-aggregates/4711/action", {"set_metadata": {"metadata": {"a": "a"}}}),
    _none("aggregates.images", "POST", "/os-aggregates/4711/images", {"cache": [{"id": UNKNOWN}]}, "2.81"),
    _group("", "2.1", policies=["affinity"]),
    _group("-soft", "2.15", policies=["soft-affinity"]),
    _group("-rules", "2.64", policy="anti-affinity", rules={"max_server_per_host": 2}),
    _none(
        "services.update",
        "PUT",
        f"/os-services/{UNKNOWN}",
        {"status": "disabled", "disabled_reason": "a", "forced_down": False},
        *("2.53", "2.104"),
    ),
    _none("services.disable", "PUT", "/os-services/disable", {"host": "a", "binary": "nova-compute"}),
    _none(
        "services.disable-log-reason",
        "PUT",
        "/os-services/disable-log-reason",
        {"host": "a", "binary": "nova-compute", "disabled_reason": "a"},
    ),
    _none(
        "services.force-down",
        "PUT",
        "/os-services/force-down",
        {"host": "a", "binary": "nova-compute", "forced_down": True},
        "2.11",
    ),
    Request(
        "quota-class-sets.update",
        "compute",
        "PUT",
        "/os-quota-class-sets/compared",
        {"quota_class_set": {"cores": 20, "ram": 51200, "instances": 10, "key_pairs": 100, "metadata_items": 128}},
        versions=("2.1", "2.57"),
        admin=True,
    ),
    Request(
        "quota-sets.update-user",
        "compute",
        "PUT",
        "/os-quota-sets/{project}",
        {"quota_set": {"cores": 20, "instances": 10, "force": True}},
        query={"user_id": "compared"},
        versions=("2.1", "2.57"),
        admin=True,
        restore=("/os-quota-sets/{project}", None),
    ),
]
