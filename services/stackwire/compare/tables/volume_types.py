"""Volume types, their extra specs and access; quota sets (``cinder/api/contrib/types_manage.py``, ``quotas.py``)."""

from typing import Any

from stackwire.compare.request import Request

OTHER_PROJECT = "00000000000040008000000000000001"
DEFAULT_QUOTAS = {"volumes": 10, "snapshots": 10, "gigabytes": 1000, "per_volume_gigabytes": -1}


def _of_admin(name: str, method: str, path: str, body: Any, **rest: Any) -> Request:
    return Request(name, "volume", method, path, body, versions=("3.0",), admin=True, **rest)


def _access(action: str, other: str) -> Request:
    path, project = "/types/{private_volume_type}/action", {"project": OTHER_PROJECT}
    return _of_admin(f"types.{action}", "POST", path, {action: project}, restore=(path, {other: project}))


REQUESTS = [
    _of_admin(
        "types.create",
        "POST",
        "/types",
        {
            "volume_type": {
                "name": "{unique}",
                "description": "d",
                "extra_specs": {"k": "v"},
                "os-volume-type-access:is_public": True,
            }
        },
        created="volume_type.id",
        undo="/types/{}",
    ),
    _of_admin(
        "types.update",
        "PUT",
        "/types/{volume_type}",
        {"volume_type": {"name": "{unique}", "description": "d", "is_public": True}},
    ),
    _of_admin("types.update-description", "PUT", "/types/{volume_type}", {"volume_type": {"description": "d"}}),
    _of_admin("types.extra_specs-create", "POST", "/types/{volume_type}/extra_specs", {"extra_specs": {"k": "v"}}),
    _of_admin("types.extra_specs-set", "PUT", "/types/{volume_type}/extra_specs/k", {"k": "v"}),
    _access("addProjectAccess", "removeProjectAccess"),
    _of_admin(
        "quota-sets.update",
        "PUT",
        f"/os-quota-sets/{OTHER_PROJECT}",
        {"quota_set": {**DEFAULT_QUOTAS, "backups": 10, "backup_gigabytes": 1000, "groups": 10}},
    ),
]
