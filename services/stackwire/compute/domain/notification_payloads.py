"""The objects that versioned notifications about a server contain: flavor, volumes, addresses, key, fault.

``nova/notifications/objects/{flavor,instance,keypair,exception}.py``.
"""

from typing import Any

from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.model import Flavor, KeyPair
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import data_of, instance_object
from stackwire.contracts.events_versioned import (
    BlockDevicePayload,
    ExceptionPayload,
    FlavorPayload,
    IpPayload,
    KeypairPayload,
)
from stackwire.core.attributes import nulls
from stackwire.core.errors import ServiceError

UNPRINTED = frozenset({"tags", "numa_topology", "trusted_certs"})
"""Parts of a server that Nova reads when somebody asks for them."""


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


def printed(error: BaseException) -> str:
    """An error in the unversioned format: its attributes, as Python prints them; of a foreign one the class."""
    if not isinstance(error, ServiceError):
        return type(error).__name__
    fields = {**error.params, "code": error.status}
    return str({"kwargs": fields, "message": error.message, "class": type(error).__name__})


def whole(server: Server) -> dict[str, Any]:
    """``Instance`` as an argument of a host's method, in the unversioned format: plain, with the flavors plain too."""
    data = {key: value for key, value in data_of(instance_object(server)).items() if key not in UNPRINTED}
    flavors = {key: data_of(data[key]) for key in ("flavor", "old_flavor", "new_flavor") if data[key]}
    nothing = nulls("default_ephemeral_device default_swap_device ephemeral_key_uuid")
    name = f"instance-{server.instance.id:08x}"
    return {**nothing, **data, **flavors, "security_groups": [], "name": name}


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
