"""What the scheduler announces: the request as notifications have it, in both formats."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.notification_payloads import flavor_payload
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import CELL, data_of, flavor_object, legacy_image
from stackwire.contracts.events_versioned import (
    CellMappingPayload,
    DestinationPayload,
    ImageMetaPayload,
    ImageMetaPropsPayload,
    InstancePCIRequestsPayload,
    RequestSpecPayload,
)
from stackwire.core.attributes import attributes, nulls
from stackwire.core.context import RequestContext

DESTINATION_FIELDS = ("availability_zone", "force_hosts", "force_nodes", "ignore_hosts", "retry")
IMAGE_FIELDS = [
    "id",
    "name",
    "status",
    "owner",
    "checksum",
    "container_format",
    "disk_format",
    "created_at",
    "updated_at",
    "direct_url",
    "protected",
    "tags",
    "size",
    "virtual_size",
    "visibility",
    "min_ram",
    "min_disk",
]


def _image(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return data_of(spec.get("image") or {})


def pci_requests_of(ctx: RequestContext, instance_uuid: str | None) -> dict[str, Any]:
    """``nova/objects/instance_pci_requests.py`` as the recorded notification has it: with the fields of the object
    itself, among them the caller's context, of which the token and its catalog are left out."""
    fields = {"requests": [], **({"instance_uuid": instance_uuid} if instance_uuid else {})}
    context = {
        **nulls(
            "auth_token cell_uuid db_connection domain_id domain_name mq_connection project_domain_name quota_class"
            " resource_uuid service_project_domain_id service_project_domain_name service_project_id"
            " service_project_name service_token service_user_domain_id service_user_domain_name service_user_id"
            " service_user_name system_scope user_auth_plugin user_domain_name"
        ),
        **attributes(
            ctx,
            "global_request_id project_domain_id project_id project_name remote_address request_id timestamp"
            " user_domain_id user_id user_name",
        ),
        "_is_admin": ctx.is_admin,
        "_read_deleted": "no",
        "is_admin_project": True,
        "read_only": False,
        "roles": list(ctx.roles),
        "service_catalog": [],
        "service_roles": [],
        "show_deleted": False,
    }
    return {
        "VERSION": "1.1",
        "_changed_fields": sorted(fields),
        "_context": context,
        **{f"_obj_{name}": value for name, value in fields.items()},
    }


def legacy_spec(spec: Mapping[str, Any], server: Server, pci_requests: Mapping[str, Any]) -> dict[str, Any]:
    """``RequestSpec.to_legacy_request_spec_dict``."""
    instance, flavor = server.instance, server.flavor
    return {
        "image": legacy_image(spec),
        "instance_properties": {
            "availability_zone": spec.get("availability_zone"),
            "ephemeral_gb": flavor.ephemeral_gb,
            "memory_mb": flavor.memory_mb,
            "numa_topology": None,
            "pci_requests": pci_requests,
            "project_id": instance.project_id,
            "root_gb": flavor.root_gb,
            "user_id": instance.user_id,
            "uuid": instance.uuid,
            "vcpus": flavor.vcpus,
        },
        "instance_type": _micros(data_of(flavor_object(flavor))),
        "num_instances": spec.get("num_instances", 1),
    }


def _micros(row: Mapping[str, Any]) -> dict[str, Any]:
    """With its times as the unversioned format writes them: a fraction, which is none, and no zone."""
    times = {key: row[key] for key in ("created_at", "updated_at") if row.get(key)}
    return {**row, **{key: f"{value.removesuffix('Z')}.000000" for key, value in times.items()}}


def versioned_spec(
    spec: Mapping[str, Any],
    server: Server,
    group: Mapping[str, Any] | None,
    security_groups: Sequence[str] = ("default",),
) -> dict[str, Any]:
    instance = server.instance
    empty = InstancePCIRequestsPayload.around({"instance_uuid": instance.uuid, "requests": []})
    forced = {name: next(iter(spec.get(name) or ()), None) for name in ("force_hosts", "force_nodes")}
    data = {name: spec.get(name) for name in DESTINATION_FIELDS} | {
        **forced,  # as recorded: the payload has the one host, not the list of it
        "instance_group": group,
        "instance_uuid": instance.uuid,
        "project_id": instance.project_id,
        "user_id": instance.user_id,
        "flavor": flavor_payload(server.flavor),
        "image": _image_payload(_image(spec)),
        "num_instances": spec.get("num_instances", 1),
        "numa_topology": None,
        "pci_requests": empty,
        "requested_destination": _destination(spec.get("requested_destination")),
        "scheduler_hints": dict(spec.get("scheduler_hints") or {}),
        "security_groups": list(security_groups),
    }
    return RequestSpecPayload.around(data)


def _destination(spec: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if spec is None:
        return None
    cell = CellMappingPayload.around({name: data_of(data_of(spec)["cell"])[name] for name in CELL})
    return DestinationPayload.around({"aggregates": None, "cell": cell})


def _image_payload(image: Mapping[str, Any]) -> dict[str, Any] | None:
    if not image:
        return None
    typed = dict(data_of(image.get("properties") or {}))
    properties = ImageMetaPropsPayload.around(typed)
    return ImageMetaPayload.around({**dict.fromkeys(IMAGE_FIELDS), **image, "properties": properties})
