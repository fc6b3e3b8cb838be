"""Actions of a volume (``cinder/api/contrib: volume_actions.py, admin_actions.py, volume_image_metadata.py``)."""

from typing import Any

from stackwire.compare.request import Request

RESET = {"status": "available", "attach_status": "detached"}
RESTORE = ("/volumes/{volume}/action", {"os-reset_status": RESET})
ATTACH = ("/volumes/{attached_volume}/action", {"os-attach": {"host_name": "compared", "mountpoint": "/dev/vdb"}})
UPLOAD = {"image_name": "compared", "force": False, "disk_format": "raw", "container_format": "bare"}
SERVER = "11111111-2222-4333-8444-555555555555"
RESERVE = ("/volumes/{volume}/action", {"os-reserve": None})


def _action(
    name: str, argument: Any, *versions: str, variety: str = "", volume: str = "volume", **rest: Any
) -> Request:
    """``variety``: what sets requests of the same action apart."""
    path, body = f"/volumes/{{{volume}}}/action", {name: argument}
    title = f"volume-actions.{name.removeprefix('os-')}{variety}"
    return Request(title, "volume", "POST", path, body, versions=versions or ("3.0",), **rest)


def _upload(name: str, *versions: str, **more: Any) -> Request:
    return _action(
        "os-volume_upload_image",
        UPLOAD | more,
        *versions,
        variety=name,
        created="os-volume_upload_image.image_id",
        undo="/v2/images/{}",
        undo_service="image",
        wait=("volume",),
        unvaried=("os-volume_upload_image.image_name", "os-volume_upload_image.protected"),
    )


REQUESTS = [
    _action("os-extend", {"new_size": 2}, "3.0", "3.42", renew=("volume",)),
    _action("os-set_bootable", {"bootable": True}),
    _action("os-update_readonly_flag", {"readonly": True}),
    _action(
        "os-reset_status",
        RESET | {"migration_status": "none"},
        admin=True,
        restore=RESTORE,
        unvaried=("os-reset_status",),
    ),
    _action("os-reset_status", {"status": "error"}, variety="-status", admin=True, restore=RESTORE),
    _action("os-reset_status", {"attach_status": "detached"}, variety="-attach_status", admin=True, restore=RESTORE),
    _action("os-reset_status", {"migration_status": "none"}, variety="-migration", admin=True, restore=RESTORE),
    _action("os-force_delete", {}, admin=True, renew=("volume",), unvaried=("os-force_delete",)),
    _upload("", "3.0"),
    _upload("-visible", "3.1", visibility="private", protected=False),
    _action("os-set_image_metadata", {"metadata": {"k": "v"}}),
    _action(
        "os-unset_image_metadata",
        {"key": "k"},
        volume="imaged_volume",
        restore=("/volumes/{imaged_volume}/action", {"os-set_image_metadata": {"metadata": {"k": "v"}}}),
    ),
    _action("os-show_image_metadata", {}, volume="imaged_volume"),
    _action("os-reserve", {}, restore=RESTORE),
    _action("os-unreserve", {}, restore=RESERVE),
    _action(
        "os-begin_detaching",
        {},
        volume="attached_volume",
        restore=("/volumes/{attached_volume}/action", {"os-roll_detaching": None}),
    ),
    _action("os-roll_detaching", {}),
    _action("os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdb", "mode": "rw"}, restore=RESTORE),
    _action("os-attach", {"host_name": "h", "mountpoint": "/dev/vdb"}, variety="-to-host", restore=RESTORE),
    _action(
        "os-attach",
        {"instance_uuid": SERVER, "host_name": "h", "mountpoint": "/dev/vdb"},
        variety="-both",
        restore=RESTORE,
    ),
    _action("os-detach", {"attachment_id": None}, volume="attached_volume", restore=ATTACH),
    _action(
        "os-force_detach",
        {"attachment_id": None, "connector": None},
        volume="attached_volume",
        admin=True,
        restore=ATTACH,
    ),
    _action(
        "os-initialize_connection",
        {"connector": {"host": "h", "initiator": "i"}},
        unvaried=("os-initialize_connection.connector.host", "os-initialize_connection.connector.initiator"),
    ),
    _action(
        "os-terminate_connection", {"connector": {"host": "h"}}, unvaried=("os-terminate_connection.connector.host",)
    ),
    _action("os-reimage", {"image_id": "{image}", "reimage_reserved": False}, "3.68", wait=("volume",)),
]
