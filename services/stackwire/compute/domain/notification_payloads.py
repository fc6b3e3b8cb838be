"""The objects that versioned notifications about a server contain: flavor, volumes, addresses, key, fault.

``nova/notifications/objects/{flavor,instance,keypair,exception}.py``.
"""

from typing import Any

from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.model import Flavor, KeyPair
from stackwire.compute.domain.server import Server
from stackwire.contracts.events_versioned import (
    BlockDevicePayload,
    ExceptionPayload,
    FlavorPayload,
    IpPayload,
    KeypairPayload,
)


def fault_payload(error: BaseException, where: str) -> dict[str, Any]:
    """The error as ``fault``: without the stack, which is not for consumers."""
    cls = type(error)
    data = {
        "module_name": cls.__module__,
        "function_name": where,
        "exception": cls.__name__,
        "exception_message": str(error),
        "traceback": None,
    }
    return ExceptionPayload.around(data)


def flavor_payload(flavor: Flavor) -> dict[str, Any]:
    """``FlavorPayload``, as the server keeps its flavor."""
    data = {
        "flavorid": flavor.flavorid,
        "memory_mb": flavor.memory_mb,
        "vcpus": flavor.vcpus,
        "root_gb": flavor.root_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "name": flavor.name,
        "swap": flavor.swap,
        "rxtx_factor": flavor.rxtx_factor,
        "vcpu_weight": flavor.vcpu_weight,
        "disabled": flavor.disabled,
        "is_public": flavor.is_public,
        "extra_specs": dict(flavor.extra_specs),
        "projects": None,
        "description": flavor.description,
    }
    return FlavorPayload.around(data)


def volume_payloads(server: Server) -> list[dict[str, Any]]:
    """``BlockDevicePayload`` of each volume."""
    names = ("device_name", "boot_index", "delete_on_termination", "volume_id", "tag")
    return [
        BlockDevicePayload.around({name: getattr(device, name) for name in names})
        for device in server.devices
        if device.is_volume and device.volume_id
    ]


def ip_payload(address: FixedIp) -> dict[str, Any]:
    """``IpPayload``."""
    data = {
        "label": address.label,
        "mac": address.mac,
        "meta": {},
        "port_uuid": address.uuid,
        "version": address.version,
        "address": address.address,
        "device_name": address.device,
    }
    return IpPayload.around(data)


def key_payload(key: KeyPair, **otherwise: str | None) -> dict[str, Any]:
    """``KeypairPayload``; ``otherwise``: fields that had another value then."""
    names = ("user_id", "name", "public_key", "fingerprint", "type")
    return KeypairPayload.around({name: getattr(key, name) for name in names} | otherwise)
