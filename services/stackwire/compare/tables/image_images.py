"""Images and their patches (``glance/api/v2/images.py``)."""

from typing import Any

from stackwire.compare.request import Request

BODY = {
    "name": "compared",
    "visibility": "shared",
    "protected": False,
    "os_hidden": False,
    "disk_format": "raw",
    "container_format": "bare",
    "min_disk": 0,
    "min_ram": 0,
    "tags": ["a"],
    "owner": "{project}",
    "id": "{uuid}",
    "kernel_id": "{uuid}",
    "ramdisk_id": "{uuid}",
    "instance_uuid": "{uuid}",
    "architecture": "x86_64",
    "os_distro": "debian",
    "os_version": "12",
    "hw_disk_bus": "scsi",
    "custom": "a",
}
PATCHES = {2: "application/openstack-images-v2.1-json-patch", 1: "application/openstack-images-v2.0-json-patch"}
VALUES: dict[str, Any] = {
    "name": "a",
    "visibility": "private",
    "protected": False,
    "os_hidden": False,
    "disk_format": "qcow2",
    "container_format": "bare",
    "min_disk": 1,
    "min_ram": 1,
    "tags": ["a", "b"],
    "kernel_id": "{uuid}",
    "instance_uuid": "{uuid}",
    "hw_disk_bus": "scsi",
    "custom": "a",
}


def _patch(name: str, operations: list[dict[str, Any]], version: int = 2, **more: Any) -> Request:
    headers = {"Content-Type": PATCHES[version]}
    return Request(
        f"images.patch-{name}", "image", "PATCH", "/v2/images/{patched_image}", body=operations, headers=headers, **more
    )


def _value(op: str, name: str) -> Request:
    kept = ("0.value true",) if name == "protected" else ()
    operations = [{"op": op, "path": f"/{name}", "value": VALUES[name]}]
    return _patch(f"{op}-{name.replace('_', '-')}", operations, unvaried=("", "0.op", "0.path", *kept))


REQUESTS = [
    Request(
        "images.create",
        "image",
        "POST",
        "/v2/images",
        body=BODY,
        created="id",
        undo="/v2/images/{}",
        unvaried=("protected true", "id unknown-id"),
    ),
    _patch("whole", [{"op": "replace", "path": "/name", "value": "a"}]),
    _patch("add", [{"op": "add", "path": "/added", "value": "a"}], renew=("patched_image",)),
    _patch("remove", [{"op": "remove", "path": "/custom"}], renew=("patched_image",)),
    _patch(
        "two",
        [{"op": "replace", "path": "/name", "value": "a"}, {"op": "remove", "path": "/other"}],
        renew=("patched_image",),
        unvaried=("0.path", "0.op", "1.op"),
    ),
    _patch("old-replace", [{"replace": "/name", "value": "a"}], 1),
    _patch("old-add", [{"add": "/added", "value": "a"}], 1, renew=("patched_image",)),
    _patch("old-remove", [{"remove": "/custom"}], 1, renew=("patched_image",)),
    *(_value("replace", name) for name in VALUES if name not in ("kernel_id", "instance_uuid", "hw_disk_bus")),
    *(_value("add", name) for name in ("kernel_id", "instance_uuid", "hw_disk_bus", "custom", "name", "min_ram")),
]
