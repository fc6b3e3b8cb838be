"""The rows that a new server starts with, as columns. ``nova/compute/api.py: _populate_instance_for_create``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stackwire.compute.domain import bdm, generated_names, states, travel, validation
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.model import Flavor, KeyPair
from stackwire.compute.domain.requests import CreateServerRequest, ServersAccepted


def instance_columns(
    request: CreateServerRequest,
    image: Mapping[str, Any],
    flavor: Flavor,
    key: KeyPair | None,
    accepted: ServersAccepted,
    index: int,
) -> dict[str, Any]:
    """``instances``, without its owner and times; ``index``: which of the servers of the request it is."""
    properties, uuid = image.get("properties") or {}, accepted.uuids[index]
    kernel, ramdisk = validation.kernel_and_ramdisk(properties)
    name = generated_names.numbered(request.name, index, request.count)
    columns = travel.instance_columns(image)
    if request.auto_disk is not None:
        columns["auto_disk_config"] = request.auto_disk
    config_drive = request.config_drive or properties.get("img_config_drive") == "mandatory"
    return columns | {
        "uuid": uuid,
        "image_ref": request.image_ref,
        "kernel_id": kernel,
        "ramdisk_id": ramdisk,
        "launch_index": index,
        "key_name": request.key_name,
        "key_data": key.public_key if key else None,
        "vm_state": states.BUILDING,
        "task_state": states.SCHEDULING,
        **{name: getattr(flavor, name) for name in ("memory_mb", "vcpus", "root_gb", "ephemeral_gb")},
        "hostname": request.hostname or generated_names.hostname(name, f"server-{uuid}"),
        "user_data": request.user_data,
        "reservation_id": accepted.reservation_id,
        "display_name": name,
        "display_description": request.description,
        "root_device_name": bdm.root_device_of(properties),
        "access_ip_v4": request.access_ip_v4 or None,
        "access_ip_v6": request.access_ip_v6 or None,
        "config_drive": "True" if config_drive else "",
        "instance_type_id": flavor.id,
    }


def device_columns(
    device_uuid: str, server_uuid: str, device: BlockDeviceRequest, attachment_id: str | None
) -> dict[str, Any]:
    """``block_device_mapping``, without times."""
    return asdict(device) | {"uuid": device_uuid, "instance_uuid": server_uuid, "attachment_id": attachment_id}
