"""What an administrator of volumes sets, and what is made of several volumes; mostly of what is not there."""

from typing import Any

from stackwire.compare.request import Request

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def _none(name: str, method: str, path: str, body: Any, *versions: str, status: int = 404) -> Request:
    return Request(name, "volume", method, path, body, versions=versions or ("3.0",), admin=True, status=status)


def _action(name: str, body: Any, *versions: str, suffix: str = "") -> Request:
    """Of a volume that is not there."""
    return _none(f"volumes.{name}{suffix}", "POST", f"/volumes/{UNKNOWN}/action", {name: body}, *versions)


REQUESTS = [
    _action("os-retype", {"new_type": "a", "migration_policy": "never"}),
    _action("os-migrate_volume", {"host": "a", "force_host_copy": False, "lock_volume": False}),
    _action("os-migrate_volume", {"host": "a"}, "3.16", suffix="-host"),
    _action("os-migrate_volume_completion", {"new_volume": UNKNOWN, "error": False}),
    _action("revert", {"snapshot_id": UNKNOWN}, "3.40"),
    _action("os-extend_volume_completion", {"error": False}, "3.71"),
    _none(
        "snapshots.update_status",
        "POST",
        f"/snapshots/{UNKNOWN}/action",
        {"os-update_snapshot_status": {"status": "creating", "progress": "1%"}},
    ),
    Request(
        "qos-specs.create",
        "volume",
        "POST",
        "/qos-specs",
        {"qos_specs": {"name": "{unique}", "consumer": "back-end", "a": "a"}},
        versions=("3.0",),
        admin=True,
        created="qos_specs.id",
        undo="/qos-specs/{}",
    ),
    _none("qos-specs.update", "PUT", f"/qos-specs/{UNKNOWN}", {"qos_specs": {"consumer": "back-end", "a": "a"}}),
    _none("qos-specs.delete_keys", "PUT", f"/qos-specs/{UNKNOWN}/delete_keys", {"keys": ["a"]}),
    _none(
        "groups.create-group",
        "POST",
        "/groups",
        {
            "group": {
                "name": "a",
                "description": "a",
                "group_type": UNKNOWN,
                "volume_types": [UNKNOWN],
                "availability_zone": "nova",
            }
        },
        "3.13",
    ),
    _none(
        "groups.create-from-src",
        "POST",
        "/groups/action",
        {"create-from-src": {"name": "a", "description": "a", "group_snapshot_id": UNKNOWN}},
        "3.14",
    ),
    _none(
        "groups.update-group",
        "PUT",
        f"/groups/{UNKNOWN}",
        {"group": {"name": "a", "description": "a", "add_volumes": UNKNOWN, "remove_volumes": UNKNOWN}},
        "3.13",
    ),
    _none("groups.delete", "POST", f"/groups/{UNKNOWN}/action", {"delete": {"delete-volumes": False}}, "3.13"),
    _none(
        "groups.reset_status", "POST", f"/groups/{UNKNOWN}/action", {"reset_status": {"status": "available"}}, "3.20"
    ),
    _none(
        "group-snapshots.create",
        "POST",
        "/group_snapshots",
        {"group_snapshot": {"name": "a", "description": "a", "group_id": UNKNOWN}},
        "3.14",
    ),
    _none(
        "backups.create",
        "POST",
        "/backups",
        {
            "backup": {
                "volume_id": UNKNOWN,
                "name": "a",
                "description": "a",
                "container": "a",
                "incremental": False,
                "force": False,
                "snapshot_id": None,
            }
        },
        "3.0",
    ),
    _none(
        "backups.create-3.43", "POST", "/backups", {"backup": {"volume_id": UNKNOWN, "metadata": {"a": "a"}}}, "3.43"
    ),
    _none(
        "backups.create-3.51", "POST", "/backups", {"backup": {"volume_id": UNKNOWN, "availability_zone": "a"}}, "3.51"
    ),
    _none("backups.update", "PUT", f"/backups/{UNKNOWN}", {"backup": {"name": "a", "description": "a"}}, "3.9"),
    _none("backups.update-3.43", "PUT", f"/backups/{UNKNOWN}", {"backup": {"metadata": {"a": "a"}}}, "3.43"),
    _none("backups.restore", "POST", f"/backups/{UNKNOWN}/restore", {"restore": {"volume_id": None, "name": "a"}}),
    _none("backups.reset_status", "POST", f"/backups/{UNKNOWN}/action", {"os-reset_status": {"status": "available"}}),
    _none("services.enable", "PUT", "/os-services/enable", {"binary": "cinder-volume", "host": "a"}),
    _none(
        "services.disable-reason",
        "PUT",
        "/os-services/disable-log-reason",
        {"binary": "cinder-volume", "host": "a", "disabled_reason": "a"},
    ),
    _none(
        "manageable_volumes.create",
        "POST",
        "/manageable_volumes",
        {
            "volume": {
                "host": "a@b#c",
                "ref": {"source-name": "a"},
                "name": "a",
                "description": "a",
                "volume_type": None,
                "metadata": {"a": "a"},
                "bootable": False,
                "availability_zone": None,
            }
        },
        "3.8",
        status=400,
    ),
    _none(
        "manageable_snapshots.create",
        "POST",
        "/manageable_snapshots",
        {
            "snapshot": {
                "volume_id": UNKNOWN,
                "ref": {"source-name": "a"},
                "name": "a",
                "description": "a",
                "metadata": {"a": "a"},
            }
        },
        "3.8",
    ),
]
