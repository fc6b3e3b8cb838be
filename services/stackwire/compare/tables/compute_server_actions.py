"""Actions on a server. The server is none, so that a body that is right is answered with 404 and changes nothing."""

from typing import Any

from stackwire.compare.request import Request

UNKNOWN = "/servers/{uuid}"


def _action(name: str, body: Any, *versions: str, suffix: str = "", admin: bool = False) -> Request:
    return Request(
        f"servers.{name}{suffix}",
        "compute",
        "POST",
        f"{UNKNOWN}/action",
        body={name: body},
        versions=versions or ("2.1",),
        admin=admin,
        status=404,
    )


WITHOUT_BODY = (
    *("os-start", "os-stop", "pause", "unpause", "suspend", "resume", "unlock", "forceDelete", "restore"),
    *("confirmResize", "revertResize", "shelve", "shelveOffload", "unrescue", "trigger_crash_dump"),
)
REQUESTS = [
    *(_action(name, None, "2.17" if name == "trigger_crash_dump" else "2.1", admin=True) for name in WITHOUT_BODY),
    _action("resize", {"flavorRef": "1", "OS-DCF:diskConfig": "AUTO"}, "2.1"),
    _action("migrate", None, "2.1", admin=True),
    _action("migrate", {"host": "a"}, "2.56", suffix="-to-host", admin=True),
    _action("os-migrateLive", {"host": None, "block_migration": False, "disk_over_commit": False}, admin=True),
    _action(
        "os-migrateLive",
        {"host": "a", "block_migration": "auto", "force": False},
        *("2.30", "2.67"),
        suffix="-2.30",
        admin=True,
    ),
    _action("os-migrateLive", {"host": "a", "block_migration": "auto"}, "2.25", "2.68", suffix="-auto", admin=True),
    _action("evacuate", {"host": "a", "onSharedStorage": False, "adminPass": "a"}, "2.1", admin=True),
    _action("evacuate", {"host": "a", "adminPass": "a", "force": False}, "2.29", "2.67", suffix="-2.29", admin=True),
    _action("evacuate", {"host": "a", "adminPass": "a"}, "2.68", "2.95", suffix="-2.68", admin=True),
    _action("unshelve", None, "2.1", "2.77"),
    _action("unshelve", {"availability_zone": "nova"}, "2.77", "2.91", suffix="-zone"),
    _action("unshelve", {"host": "a"}, "2.91", suffix="-host", admin=True),
    _action("rescue", {"adminPass": "a", "rescue_image_ref": "{image}"}, "2.1", "2.87"),
    _action(
        "createBackup", {"name": "a", "backup_type": "daily", "rotation": 1, "metadata": {"a": "a"}}, "2.1", "2.45"
    ),
    _action("changePassword", {"adminPass": "a"}),
    _action("os-getVNCConsole", {"type": "novnc"}),
    _action("os-getSPICEConsole", {"type": "spice-html5"}),
    _action("os-getSerialConsole", {"type": "serial"}),
    Request(
        "servers.remote-consoles",
        "compute",
        "POST",
        f"{UNKNOWN}/remote-consoles",
        {"remote_console": {"protocol": "vnc", "type": "novnc"}},
        versions=("2.6", "2.8", "2.99"),
        status=404,
    ),
    _action("rebuild", {"imageRef": "{image}", "hostname": "compared"}, "2.90", "2.94", suffix="-named"),
    _action("createImage", {"name": "compared", "metadata": {"a": "a"}}, "2.1", "2.45"),
    _action("reboot", {"type": "SOFT"}),
    _action("lock", None, "2.1", "2.73"),
    _action("lock", {"locked_reason": "a"}, "2.73", suffix="-reason"),
    _action("os-getConsoleOutput", {"length": 1}),
    _action("os-resetState", {"state": "active"}, admin=True),
    Request("servers.metadata-update", "compute", "POST", f"{UNKNOWN}/metadata", {"metadata": {"a": "a"}}, status=404),
    Request("servers.metadata-replace", "compute", "PUT", f"{UNKNOWN}/metadata", {"metadata": {"a": "a"}}, status=404),
    Request("servers.metadata-set", "compute", "PUT", f"{UNKNOWN}/metadata/a", {"meta": {"a": "a"}}, status=404),
    Request(
        "servers.tags-replace", "compute", "PUT", f"{UNKNOWN}/tags", {"tags": ["a"]}, versions=("2.26",), status=404
    ),
    Request(
        "servers.attach",
        "compute",
        "POST",
        f"{UNKNOWN}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": "{uuid}", "device": "/dev/vdb"}},
        versions=("2.1",),
        status=404,
    ),
    Request(
        "servers.attach-tagged",
        "compute",
        "POST",
        f"{UNKNOWN}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": "{uuid}", "device": None, "tag": "a", "delete_on_termination": True}},
        versions=("2.79",),
        status=404,
    ),
    Request(
        "servers.attachment-update",
        "compute",
        "PUT",
        UNKNOWN + "/os-volume_attachments/00000000-0000-4000-8000-000000000000",
        {
            "volumeAttachment": {
                "volumeId": "00000000-0000-4000-8000-000000000000",
                "device": None,
                "tag": "a",
                "delete_on_termination": True,
                "serverId": "{uuid}",
                "id": "{uuid}",
            }
        },
        versions=("2.85",),
        admin=True,
        status=404,
    ),
    Request(
        "external-events.create",
        "compute",
        "POST",
        "/os-server-external-events",
        {"events": [{"name": "network-changed", "server_uuid": "{uuid}", "status": "completed", "tag": "a"}]},
        versions=("2.1", "2.93"),
        admin=True,
    ),
]
