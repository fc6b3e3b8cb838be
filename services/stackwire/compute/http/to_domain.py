"""Bodies of some microversion as the requests of the domain, which know no versions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from stackwire.compute.domain.requests import (
    AttachVolumeRequest,
    CreateFlavorRequest,
    CreateServerRequest,
    EvacuateRequest,
    LiveMigrateRequest,
    RebuildServerRequest,
    ResizeServerRequest,
    UnshelveRequest,
    UpdateServerRequest,
)
from stackwire.compute.http.schemas.fields import File
from stackwire.compute.http.schemas.flavors import NewFlavor
from stackwire.compute.http.schemas.server_actions import (
    Evacuate,
    MigrateLive,
    Rebuild,
    Resize,
    Unshelve,
    UnshelveInZone,
)
from stackwire.compute.http.schemas.servers import CreateServer, NewServer, ServerChanges
from stackwire.compute.http.schemas.volume_attachments import NewAttachment
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion

_SHARED = {
    "name": "name",
    "adminPass": "admin_password",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "key_name": "key_name",
    "user_data": "user_data",
}
"""Fields of a body, and the request's names for them."""

MAX_SERVERS = 10_000  # ours, in one request


def create_server_request(body: CreateServer, version: Microversion) -> CreateServerRequest:
    """BadRequest when the counts contradict each other, or the host name is one for several servers."""
    server = body.server
    return CreateServerRequest(
        **_renamed(server, _SHARED),
        flavor_ref=_id_of(str(server.flavorRef)),
        image_ref=server.imageRef or "",
        metadata=server.metadata or {},
        networks=_networks(server),
        auto_disk=_auto_disk(server.disk_config),
        personality=_files(server.personality),
        availability_zone=server.availability_zone,
        devices_v1=_dumped(server.block_device_mapping),
        devices_v2=_dumped(server.block_device_mapping_v2),
        config_drive=bool(server.config_drive),
        min_count=server.min_count,
        count=_count(server),
        security_groups=[group.name for group in server.security_groups or ()],
        description=server.description if version >= (2, 19) else server.name,
        tags=list(dict.fromkeys(server.tags or ())),
        host=server.host,
        hypervisor_hostname=server.hypervisor_hostname,
        trusted_certificates=server.trusted_image_certificates,
        hostname=server.hostname,
        scheduler_hints=_hints(body),
        multiattach=version >= (2, 60),
    )


def _hints(body: CreateServer) -> dict[str, list[str]]:
    """Each hint with its values, a text being one; BadRequest for what could not be kept, or is not the client's."""
    given = body.scheduler_hints if body.scheduler_hints is not None else body.old_scheduler_hints
    sent = given.model_dump(exclude_unset=True) if given is not None else {}
    hints = {name: value if isinstance(value, list) else [value] for name, value in sent.items()}
    for name, texts in hints.items():
        if name.startswith("_nova") or not all(isinstance(text, str) for text in texts):
            raise BadRequest(f"Invalid input for field/attribute {name[:100]}: a scheduler hint is a text or texts.")
    if len(hints.get("group", ())) > 1:
        raise BadRequest("A server is in one group at most.")
    return hints


def _id_of(reference: str) -> str:
    """An id, or the last part of a link that ends in one (``nova/api/openstack/common.py: get_id_from_href``)."""
    return reference.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _count(server: NewServer) -> int:
    count = server.max_count or server.min_count
    if server.min_count > count:
        raise BadRequest("min_count must be <= max_count")
    if count > MAX_SERVERS:
        raise BadRequest(f"max_count is at most {MAX_SERVERS}.")
    if count > 1 and server.hostname is not None:
        raise BadRequest("Unable to allocate a single hostname to multiple instances")
    return count


def _renamed(body: BaseModel, names: Mapping[str, str]) -> dict[str, Any]:
    return {new: getattr(body, old) for old, new in names.items()}


def _files(files: Sequence[File] | None) -> list[tuple[str, str]]:
    return [(file.path, file.contents) for file in files or ()]


def _dumped(models: Sequence[BaseModel] | None) -> list[dict[str, Any]]:
    return [model.model_dump() for model in models or ()]


def _auto_disk(disk_config: Literal["AUTO", "MANUAL"] | None) -> bool | None:
    return None if disk_config is None else disk_config == "AUTO"


def _networks(server: NewServer) -> str | list[dict[str, object]]:
    """``none`` and ``auto`` since 2.37; before, no list or an empty one means what ``auto`` means."""
    if isinstance(server.networks, str):
        return server.networks
    return [network.model_dump(exclude_none=True) for network in server.networks] if server.networks else "auto"


_REBUILD_NULLABLE = {
    "name": "name",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "description": "description",
    "key_name": "key_name",
    "user_data": "user_data",
    "hostname": "hostname",
    "trusted_image_certificates": "trusted_certificates",
}
_UPDATE = {
    "name": "name",
    "disk_config": "auto_disk",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "description": "description",
    "hostname": "hostname",
    "pinned_availability_zone": "pinned_zone",
}


def _fields_set(body: Rebuild | ServerChanges, names: Mapping[str, str]) -> frozenset[str]:
    """The request's names of the fields that were sent; BadRequest for a name that is null."""
    sent = frozenset(new for old, new in names.items() if old in body.model_fields_set)
    if "name" in sent and body.name is None:
        raise BadRequest("Invalid input for field/attribute name. Value: None. None is not of type 'string'")
    return sent


def rebuild_server_request(body: Rebuild, version: Microversion) -> RebuildServerRequest:
    """BadRequest for a name that is null, or a host name that is too long for the version."""
    return RebuildServerRequest(
        **_renamed(body, _SHARED),
        image_id=body.imageRef,
        fields_set=_fields_set(body, _REBUILD_NULLABLE),
        metadata=body.metadata,
        personality=_files(body.personality),
        auto_disk=_auto_disk(body.disk_config),
        preserve_ephemeral=body.preserve_ephemeral,
        description=body.description,
        trusted_certificates=body.trusted_image_certificates,
        hostname=body.hostname,
        reimage=version >= (2, 93),
    )


def unshelve_request(body: Unshelve | UnshelveInZone | None) -> UnshelveRequest:
    """A zone that is empty is none, and so is a host."""
    if body is None:
        return UnshelveRequest()
    given, host = "availability_zone" in body.model_fields_set, getattr(body, "host", None)
    return UnshelveRequest(zone=body.availability_zone or None, zone_given=given, host=host or None)


def resize_server_request(body: Resize) -> ResizeServerRequest:
    """The flavor is an id here, never a link."""
    return ResizeServerRequest(str(body.flavorRef), _auto_disk(body.disk_config))


def evacuate_request(body: Evacuate, version: Microversion) -> EvacuateRequest:
    """BadRequest where shared storage is not mentioned before 2.14, or is with a password, and for no host to force."""
    if version < (2, 14) and body.onSharedStorage is None:
        raise BadRequest("'onSharedStorage' is a required property")
    if body.force and not body.host:
        raise BadRequest("Can't force to a non-provided destination")
    if body.onSharedStorage and body.adminPass is not None:
        raise BadRequest("admin password can't be changed on existing disk")
    force = body.force if version >= (2, 29) else None
    return EvacuateRequest(body.host, body.adminPass, body.onSharedStorage, force, version >= (2, 95))


def live_migrate_request(body: MigrateLive, version: Microversion) -> LiveMigrateRequest:
    """BadRequest for ``auto`` before 2.25, for ``force`` without a host, and where a field is missing."""
    if version < (2, 25) and (body.block_migration == "auto" or body.disk_over_commit is None):
        raise BadRequest("block_migration and disk_over_commit must be given, as booleans.")
    if body.force and not body.host:
        raise BadRequest("Can't force to a non-provided destination")
    return LiveMigrateRequest(
        host=body.host or None,
        block_migration=None if body.block_migration == "auto" else bool(body.block_migration),
        disk_over_commit=body.disk_over_commit,
        force=body.force if version >= (2, 30) else None,
        waits=version < (2, 34),
    )


def update_server_request(body: ServerChanges) -> UpdateServerRequest:
    """BadRequest for a name that is null."""
    changes = _renamed(body, _UPDATE) | {"auto_disk": body.disk_config == "AUTO"}
    return UpdateServerRequest(fields_set=_fields_set(body, _UPDATE), **changes)


def attach_volume_request(body: NewAttachment, version: Microversion) -> AttachVolumeRequest:
    """``multiattach``: since 2.60 the client knows volumes that several servers may share."""
    return AttachVolumeRequest(
        volume_id=body.volumeId,
        device=body.device,
        tag=body.tag,
        delete_on_termination=body.delete_on_termination,
        multiattach=version >= (2, 60),
    )


def create_flavor_request(body: NewFlavor) -> CreateFlavorRequest:
    """BadRequest for an ``rxtx_factor`` that is no positive number."""
    return CreateFlavorRequest(
        name=body.name,
        flavorid=None if body.id in (None, "auto") else str(body.id),
        memory_mb=body.ram,
        vcpus=body.vcpus,
        root_gb=body.disk,
        ephemeral_gb=body.ephemeral,
        swap=body.swap,
        rxtx_factor=_rxtx_factor(body.rxtx_factor),
        is_public=body.is_public,
        description=body.description,
    )


def _rxtx_factor(value: float | str) -> float:
    try:
        factor = float(value)
    except ValueError:
        factor = 0
    if not 0 < factor < 3.4e38:
        raise BadRequest(
            f"Invalid input for field/attribute rxtx_factor. Value: {value}. {value!r} is no number over 0"
        )
    return factor
