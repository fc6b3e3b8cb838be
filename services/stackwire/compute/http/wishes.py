"""From a body of some version to a wish of none."""

from stackwire.compute.domain.requests import CreateServerRequest, RebuildServerRequest, UpdateServerRequest
from stackwire.compute.http.schemas import CreateServer, NewServer, Rebuild, ServerChanges
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion


def server_wish(made: CreateServer, version: Microversion) -> CreateServerRequest:
    """BadRequest when the counts contradict each other, or tags repeat."""
    server = made.server
    count = server.max_count or server.min_count
    if server.min_count > count:
        raise BadRequest("min_count must be <= max_count")
    hints = made.scheduler_hints or made.old_scheduler_hints or {}
    return CreateServerRequest(
        name=server.name,
        flavor_ref=str(server.flavorRef),
        image_ref=server.imageRef or "",
        admin_password=server.adminPass,
        metadata=server.metadata or {},
        networks=_networks(server),
        auto_disk=None if server.disk_config is None else server.disk_config == "AUTO",
        access_ip_v4=server.accessIPv4,
        access_ip_v6=server.accessIPv6,
        personality=bool(server.personality),
        availability_zone=server.availability_zone,
        devices_v1=[device.model_dump() for device in server.block_device_mapping or ()],
        devices_v2=[device.model_dump() for device in server.block_device_mapping_v2 or ()],
        config_drive=bool(server.config_drive),
        key_name=server.key_name,
        min_count=server.min_count,
        count=count,
        security_groups=[group.name for group in server.security_groups or ()],
        user_data=server.user_data,
        description=server.description if version >= (2, 19) else server.name,
        tags=list(dict.fromkeys(server.tags or ())),
        trusted_certificates=bool(server.trusted_image_certificates),
        host=server.host is not None or server.hypervisor_hostname is not None,
        hostname=_hostname(server.hostname, version),
        scheduler_hints=hints,
        multiattach=version >= (2, 60),
    )


def _networks(server: NewServer) -> str | list[dict[str, object]]:
    """``none`` and ``auto`` since 2.37; before, no list or an empty one means what ``auto`` means."""
    if isinstance(server.networks, str):
        return server.networks
    return [network.model_dump(exclude_none=True) for network in server.networks] if server.networks else "auto"


def _hostname(text: str | None, version: Microversion) -> str | None:
    """A single label before 2.94, a whole domain name since."""
    if text is not None and version < (2, 94) and ("." in text or len(text) > 63):
        raise BadRequest("Invalid input for field/attribute hostname: one label of at most 63 characters.")
    return text


_REBUILD_FIELDS = {
    "name": "name",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "description": "description",
    "key_name": "key_name",
    "user_data": "user_data",
    "hostname": "hostname",
}


def rebuild_wish(asked: Rebuild, version: Microversion) -> RebuildServerRequest:
    given = frozenset(_REBUILD_FIELDS[name] for name in asked.model_fields_set if name in _REBUILD_FIELDS)
    if "name" in given and asked.name is None:
        raise BadRequest("Invalid input for field/attribute name. Value: None.")
    return RebuildServerRequest(
        image_id=asked.imageRef,
        fields_set=given,
        name=asked.name,
        metadata=asked.metadata,
        personality=bool(asked.personality),
        admin_password=asked.adminPass,
        access_ip_v4=asked.accessIPv4,
        access_ip_v6=asked.accessIPv6,
        auto_disk=None if asked.disk_config is None else asked.disk_config == "AUTO",
        preserve_ephemeral=asked.preserve_ephemeral,
        description=asked.description,
        key_name=asked.key_name,
        user_data=asked.user_data,
        trusted_certificates=bool(asked.trusted_image_certificates),
        hostname=_hostname(asked.hostname, version),
        reimage=version >= (2, 93),
    )


_CHANGE_FIELDS = {
    "name": "name",
    "disk_config": "auto_disk",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "description": "description",
    "hostname": "hostname",
    "pinned_availability_zone": "pinned_zone",
}


def changes_of(asked: ServerChanges) -> UpdateServerRequest:
    return UpdateServerRequest(
        fields_set=frozenset(_CHANGE_FIELDS[name] for name in asked.model_fields_set),
        name=asked.name,
        auto_disk=asked.disk_config == "AUTO",
        access_ip_v4=asked.accessIPv4,
        access_ip_v6=asked.accessIPv6,
        description=asked.description,
        hostname=asked.hostname,
        pinned_zone=asked.pinned_availability_zone,
    )
