"""Servers, devices and requests in the form they have between Nova's daemons: oslo.versionedobjects.

Written from the recordings' fields; a receiver of ours takes the ids out and reads the rest from the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from stackwire.compute.domain import image_props
from stackwire.compute.domain.model import BlockDevice, Flavor, Migration
from stackwire.compute.domain.model_groups import Aggregate, ServerGroup
from stackwire.compute.domain.server import Server

NovaObject = dict[str, Any]
CELL = {"uuid": "6c1f4d0e-2b5a-4f0e-9d57-0f5c1a7e3b21", "name": "cell1", "disabled": False}
"""There is one cell, under one id."""
IMAGE_FIELDS = [
    "id",
    "name",
    "status",
    "checksum",
    "owner",
    "size",
    "container_format",
    "disk_format",
    "created_at",
    "updated_at",
    "min_ram",
    "min_disk",
]


_RECORDS = frozenset({"img_block_device_mapping", "img_mappings"})


def nova_object(name: str, version: str, data: Mapping[str, Any]) -> NovaObject:
    """An object as oslo.versionedobjects serializes it."""
    return {
        "nova_object.name": name,
        "nova_object.namespace": "nova",
        "nova_object.version": version,
        "nova_object.data": dict(data),
    }


def data_of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of an object, or of a plain mapping; empty for anything else."""
    found = thing.get("nova_object.data", thing)
    return found if isinstance(found, Mapping) else {}


def uuid_of(thing: Mapping[str, Any]) -> str:
    """The ``uuid`` (or ``instance_uuid``) of an object; ValueError when it has none."""
    data = data_of(thing)
    found = data.get("uuid", data.get("instance_uuid"))
    if not isinstance(found, str):
        raise ValueError("the object has no uuid")
    return found


def _listed(name: str, version: str, members: Iterable[NovaObject]) -> NovaObject:
    return nova_object(name, version, {"objects": list(members)})


def _seconds(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def flavor_object(flavor: Flavor) -> NovaObject:
    """``Flavor``."""
    data = asdict(flavor) | {"created_at": _seconds(flavor.created_at), "updated_at": _seconds(flavor.updated_at)}
    return nova_object("Flavor", "1.2", data | {"deleted_at": None, "deleted": False})


def flavor_of(thing: NovaObject) -> Flavor:
    """The flavor in a ``Flavor`` object."""
    data = dict(data_of(thing))
    for key in ("created_at", "updated_at"):
        data[key] = None if data.get(key) is None else datetime.fromisoformat(data[key])
    return Flavor(**{field.name: data[field.name] for field in fields(Flavor)})


def instance_object(server: Server) -> NovaObject:
    """``Instance`` with its flavor, tags and metadata."""
    instance, certificates = server.instance, server.trusted_certificates
    data: dict[str, Any] = asdict(instance)
    for key in ("launched_at", "terminated_at", "created_at", "updated_at", "deleted_at"):
        data[key] = _seconds(data[key])
    data |= {
        "metadata": dict(server.metadata),
        "system_metadata": dict(server.system_metadata),
        "flavor": flavor_object(server.flavor),
        "old_flavor": server.old_flavor and flavor_object(server.old_flavor),
        "new_flavor": server.new_flavor and flavor_object(server.new_flavor),
        "tags": _listed("TagList", "1.1", [nova_object("Tag", "1.1", {"tag": tag}) for tag in server.tags]),
        "security_groups": _listed("SecurityGroupList", "1.1", []),
        "numa_topology": None,
        "trusted_certs": certificates and nova_object("TrustedCerts", "1.0", {"ids": certificates}),
        "shutdown_terminate": False,
        "disable_terminate": False,
        "cell_name": None,
        "cleaned": False,
    }
    return nova_object("Instance", "2.8", data)


def device_object(device: BlockDevice) -> NovaObject:
    """``BlockDeviceMapping``, without its connection: hosts have that."""
    data: dict[str, Any] = asdict(device) | {"connection_info": None}
    for key in ("created_at", "updated_at", "deleted_at"):
        data[key] = _seconds(data[key])
    nothing = dict.fromkeys(("encryption_secret_uuid", "encryption_format", "encryption_options"))
    return nova_object("BlockDeviceMapping", "1.21", data | nothing)


def devices_object(devices: Sequence[BlockDevice]) -> NovaObject:
    """``BlockDeviceMappingList``."""
    return _listed("BlockDeviceMappingList", "1.18", [device_object(device) for device in devices])


def tags_object(tags: Sequence[str]) -> NovaObject:
    """``TagList``."""
    return _listed("TagList", "1.1", [nova_object("Tag", "1.1", {"tag": tag}) for tag in tags])


def instances_object(servers: Sequence[Server]) -> NovaObject:
    """``InstanceList``."""
    return _listed("InstanceList", "2.6", [instance_object(server) for server in servers])


def networks_object(network: str) -> NovaObject:
    """``none`` or ``auto``: the two requests there are without a network service."""
    request = nova_object("NetworkRequest", "1.3", {"network_id": network, "port_id": None, "device_profile": None})
    return _listed("NetworkRequestList", "1.1", [request])


def image_object(image: Mapping[str, Any]) -> NovaObject:
    """``ImageMeta`` with the typed properties; the caller has checked them."""
    typed = image_props.typed(image.get("properties") or {})
    plain = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in typed.items()}
    for name in _RECORDS & plain.keys():  # a list of dictionaries of texts and nulls
        plain[name] = [
            {key: None if value is None else str(value) for key, value in row.items()} for row in plain[name]
        ]
    if "hw_numa_cpus" in plain:
        plain["hw_numa_cpus"] = [sorted(cell) for cell in typed["hw_numa_cpus"]]
    data = {name: image[name] for name in IMAGE_FIELDS if name in image}
    return nova_object("ImageMeta", "1.8", data | {"properties": nova_object("ImageMetaProps", "1.44", plain)})


def aggregate_object(aggregate: Aggregate) -> NovaObject:
    """``Aggregate``."""
    data: dict[str, Any] = asdict(aggregate) | {"deleted": False, "deleted_at": None}
    for key in ("created_at", "updated_at"):
        data[key] = _seconds(data[key])
    return nova_object("Aggregate", "1.3", data)


def legacy_image(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The image of a ``RequestSpec`` as the dictionary that moves carry; its times without a zone."""
    image = dict(data_of(data_of(spec).get("image") or {}))
    if not image:
        return {}
    for key in ("created_at", "updated_at"):
        if image.get(key):
            image[key] = f"{image[key].removesuffix('Z')}.000000"
    return {**image, "properties": dict(data_of(image.get("properties") or {}))}


def migration_object(migration: Migration) -> NovaObject:
    """``Migration``; nothing measures how far a simulated one has come."""
    data: dict[str, Any] = asdict(migration)
    for key in ("created_at", "updated_at", "deleted_at"):
        data[key] = _seconds(data[key])
    counted = (f"{what}_{part}" for what in ("memory", "disk") for part in ("total", "processed", "remaining"))
    data |= dict.fromkeys((*counted, "dest_compute_id")) | {"hidden": False, "cross_cell_move": False}
    return nova_object("Migration", "1.8", data)


def limits_object() -> NovaObject:
    """``SchedulerLimits``: none."""
    return nova_object("SchedulerLimits", "1.0", dict.fromkeys(("numa_topology", "vcpu", "disk_gb", "memory_mb")))


def destination_object(host: str | None = None, node: str | None = None) -> NovaObject:
    """``Destination``: the one cell, without the addresses of its database and its bus; host and node, if any."""
    place = {"host": host, "node": node}
    cell = nova_object("CellMapping", "1.1", {"id": 1, **CELL})
    return nova_object("Destination", "1.4", {"cell": cell, **{key: value for key, value in place.items() if value}})


def within_cell(spec: NovaObject, **changes: Any) -> NovaObject:
    """The request of a move: to the cell that the server is in, and the host in it that the request names, if any."""
    place = data_of(data_of(spec).get("requested_destination") or {})
    destination = destination_object(place.get("host"), place.get("node"))
    return {**spec, "nova_object.data": {**data_of(spec), "requested_destination": destination, **changes}}


def server_group_object(group: ServerGroup) -> NovaObject:
    """``InstanceGroup``; its servers' hosts are known to the scheduler."""
    data: dict[str, Any] = asdict(group) | {
        "policies": [group.policy],
        "hosts": [],
        "deleted": False,
        "deleted_at": None,
    }
    for key in ("created_at", "updated_at"):
        data[key] = _seconds(data[key])
    data["_rules"] = {name: str(value) for name, value in data.pop("rules").items()}
    return nova_object("InstanceGroup", "1.11", data)


def request_spec_object(
    server: Server, image: Mapping[str, Any], count: int = 1, place: Mapping[str, Any] | None = None
) -> NovaObject:
    """``RequestSpec``; ``count``: how many servers the request creates; ``place``: fields about where they may go."""
    instance = server.instance
    default_group = nova_object("SecurityGroup", "1.2", {"name": "default"})
    return nova_object(
        "RequestSpec",
        "1.15",
        {
            "image": image_object(image),
            "numa_topology": None,
            "pci_requests": nova_object("InstancePCIRequests", "1.1", {"requests": []}),
            "project_id": instance.project_id,
            "user_id": instance.user_id,
            "availability_zone": server.pinned_zone,
            "flavor": flavor_object(server.flavor),
            "num_instances": count,
            "ignore_hosts": None,
            "force_hosts": None,
            "force_nodes": None,
            "requested_destination": None,
            "retry": None,
            "limits": limits_object(),
            "instance_group": None,
            "scheduler_hints": server.hints,
            "instance_uuid": instance.uuid,
            "security_groups": _listed("SecurityGroupList", "1.1", [default_group]),
            "is_bfv": server.is_volume_backed,
            "requested_resources": [],
            **(place or {}),
        },
    )


def build_request_object(server: Server) -> NovaObject:
    """``BuildRequest``: the server before it has a host."""
    data = {
        "id": server.instance.id,
        "instance_uuid": server.uuid,
        "project_id": server.instance.project_id,
        "instance": instance_object(server),
        "block_device_mappings": devices_object(server.devices),
        "tags": tags_object(server.tags),
        "created_at": _seconds(server.instance.created_at),
        "updated_at": None,
    }
    return nova_object("BuildRequest", "1.3", data)


def event_object(event: Mapping[str, Any]) -> NovaObject:
    """``InstanceExternalEvent`` from name, server_uuid, tag and status."""
    names = ("name", "tag", "status")
    data = {name: event.get(name) for name in names}
    return nova_object("InstanceExternalEvent", "1.5", data | {"instance_uuid": event["server_uuid"], "data": {}})
