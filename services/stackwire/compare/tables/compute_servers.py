"""Servers: create, update, rebuild (``nova/api/openstack/compute/schemas/servers.py``)."""

from typing import Any

from stackwire.compare.request import Request

SERVER: dict[str, Any] = {
    "name": "compared",
    "imageRef": "{image}",
    "flavorRef": "{flavor}",
    "metadata": {"key": "value"},
    "OS-DCF:diskConfig": "AUTO",
    "accessIPv4": "192.0.2.1",
    "accessIPv6": "2001:db8::1",
    "availability_zone": "nova",
    "config_drive": True,
    "key_name": "{keypair}",
    "min_count": 1,
    "max_count": 1,
    "return_reservation_id": False,
    "user_data": "aGVsbG8=",
    "adminPass": "secret",
}
DEVICE: dict[str, Any] = {
    "uuid": "{image}",
    "source_type": "image",
    "destination_type": "volume",
    "volume_size": 1,
    "boot_index": 0,
    "delete_on_termination": True,
    "device_name": "vda",
    "disk_bus": "virtio",
    "device_type": "disk",
}
LEGACY_DEVICE: dict[str, Any] = {"volume_id": "{volume}", "device_name": "vdb", "delete_on_termination": False}


def _create(name: str, server: dict[str, Any], version: str, **more: Any) -> Request:
    body = {"server": {"name": "compared", "flavorRef": "{flavor}", **server}}
    return Request(
        f"servers.create{name}", "compute", "POST", "/servers", body, versions=(version,), created="server.id",
        undo="/servers/{}", **more,
    )  # fmt: skip


_RESERVATION = "server.return_reservation_id"
"""Where it is true the answer has no id to delete the server by."""
_IMAGE = {"imageRef": "{image}", "networks": "none"}
REQUESTS = [
    _create("", SERVER | {"networks": "none"}, "2.37", unvaried=("server.networks", "server.max_count", _RESERVATION)),
    _create("-2.37", _IMAGE, "2.37", varied=("server.networks",)),
    _create("-2.42", _IMAGE | {"tags": ["a"]}, "2.52", varied=("server.tags",)),
    _create(
        "-2.63",
        _IMAGE | {"description": "a", "trusted_image_certificates": None},
        "2.63",
        varied=("server.description", "server.trusted_image_certificates"),
    ),
    _create(
        "-2.94",
        SERVER | {"networks": "none", "description": "a", "tags": ["a"], "hostname": "ab"},
        "2.94",
        unvaried=("server.networks", _RESERVATION),
    ),
    _create(
        "-device",
        {"networks": "none", "block_device_mapping_v2": [DEVICE]},
        "2.37",
        varied=("server.block_device_mapping_v2",),
    ),
    _create(
        "-device-2.67",
        {"networks": "none", "block_device_mapping_v2": [DEVICE | {"tag": "a", "volume_type": ""}]},
        "2.67",
        varied=(
            "server.block_device_mapping_v2.0.tag",
            "server.block_device_mapping_v2.0.volume_type",
            "server.block_device_mapping_v2.0.boot_index",
        ),
    ),
    _create(
        "-legacy-device",
        _IMAGE | {"block_device_mapping": [LEGACY_DEVICE]},
        "2.37",
        varied=("server.block_device_mapping",),
        renew=("volume",),
    ),
    Request(
        "servers.update",
        "compute",
        "PUT",
        "/servers/{server}",
        {"server": {"name": "a", "OS-DCF:diskConfig": "AUTO", "accessIPv4": "192.0.2.1", "accessIPv6": "2001:db8::1"}},
        versions=("2.1",),
    ),
    Request(
        "servers.update-2.90",
        "compute",
        "PUT",
        "/servers/{server}",
        {"server": {"name": "a", "description": "a", "hostname": "ab"}},
        versions=("2.90",),
    ),
    Request(
        "servers.rebuild",
        "compute",
        "POST",
        "/servers/{server}/action",
        {
            "rebuild": {
                "imageRef": "{image}",
                "name": "a",
                "metadata": {"key": "value"},
                "adminPass": "secret",
                "OS-DCF:diskConfig": "AUTO",
                "accessIPv4": "192.0.2.1",
                "accessIPv6": "2001:db8::1",
                "preserve_ephemeral": False,
            }
        },
        versions=("2.1",),
        wait=("server",),
    ),
    Request(
        "servers.rebuild-2.90",
        "compute",
        "POST",
        "/servers/{server}/action",
        {
            "rebuild": {
                "imageRef": "{image}",
                "description": "a",
                "key_name": "{keypair}",
                "user_data": "aGVsbG8=",
                "trusted_image_certificates": None,
                "hostname": "ab",
            }
        },
        versions=("2.90",),
        wait=("server",),
    ),
]
