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


POWER = ("os-start", "os-stop", "pause", "unpause", "suspend", "resume", "unlock", "forceDelete")
REQUESTS = [
    *(_action(name, None, admin=True) for name in POWER),
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
