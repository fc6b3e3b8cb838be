"""A server as each version shows it. ``nova/api/openstack/compute/views/servers.py``."""

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import orjson
from aiohttp import web

from stackwire.compute.domain import image_props, server_status
from stackwire.compute.domain.addresses import FixedIp, by_label
from stackwire.compute.domain.server import Server, ServerVisibility
from stackwire.compute.http.views.links import links, root_url, timestamp, usage_timestamp
from stackwire.core.fitted import fitted
from stackwire.http.microversions import Microversion
from stackwire.http.request import VERSION

_PROGRESS = ("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
_FAULTY = ("ERROR", "DELETED")
_VIEWS_KEPT = 4


class ServerView:
    """How one caller sees servers in one version. ``base``: the API's ``root_url``."""

    def __init__(self, base: str, version: Microversion, visibility: ServerVisibility) -> None:
        self._base, self._version, self._visibility = base, version, visibility

    @classmethod
    def of(cls, request: web.Request, visibility: ServerVisibility) -> Self:
        """The view for the client of a request."""
        return cls(root_url(request), request[VERSION], visibility)

    # ---- short forms

    def accepted(self, uuid: str, password: str | None) -> dict[str, Any]:
        """A server that is to be built."""
        view: dict[str, Any] = {
            "id": uuid,
            "links": links(self._base, f"servers/{uuid}"),
            "OS-DCF:diskConfig": "MANUAL",
            "security_groups": [{"name": "default"}],
        }
        return view | ({"adminPass": password} if password is not None else {})

    def brief(self, server: Server) -> dict[str, Any]:
        """An entry of the short list."""
        uuid, name = server.uuid, server.instance.display_name
        return {"id": uuid, "name": name, "links": links(self._base, f"servers/{uuid}")}

    # ---- the whole

    def detail(self, server: Server) -> dict[str, Any]:
        """An entry of the detailed list: everything but the server's groups."""
        view = self._common(server, extended=True) | self._by_version(server)
        return view | self._states(server) | self._attributes(server)

    def detail_json(self, server: Server) -> orjson.Fragment:
        """The same as JSON, made once for all who see the same of it. A host's status is another one as time goes."""
        visibility = self._visibility
        if visibility.host_status:
            return orjson.Fragment(orjson.dumps(self.detail(server)))
        key = self._base, self._version, visibility.extended_attributes, visibility.behaviours
        view = server.views.get(key)
        if view is None:
            if len(server.views) >= _VIEWS_KEPT:
                server.views.clear()
            view = server.views[key] = orjson.Fragment(fitted(orjson.dumps(self.detail(server))))
        return view

    def show(self, server: Server) -> dict[str, Any]:
        """A server alone."""
        return self.detail(server) | self._groups(server)

    def updated(self, server: Server) -> dict[str, Any]:
        """The response to a change: like ``show`` since 2.75; before, without states, attributes and volumes."""
        if self._version >= (2, 75):
            return self.show(server)
        return self._common(server) | self._by_version(server) | self._groups(server)

    def _groups(self, server: Server) -> dict[str, Any]:
        """The one that the server is in, since 2.71."""
        found = [server.group_uuid] if server.group_uuid else []
        return {"server_groups": found} if self._version >= (2, 71) else {}

    def rebuilt(self, server: Server, password: str | None) -> dict[str, Any]:
        """The response to a rebuild."""
        view = self.updated(server)
        if password is not None:
            view["adminPass"] = password
        if self._version >= (2, 54):
            view["key_name"] = server.instance.key_name
        if self._version >= (2, 57):
            view["user_data"] = server.instance.user_data
        return view

    def _common(self, server: Server, *, extended: bool = False) -> dict[str, Any]:
        """What every form shows; ``extended``: the addresses with their type and MAC."""
        instance = server.instance
        status = server_status.status(instance.vm_state, instance.task_state)
        view: dict[str, Any] = {
            "id": instance.uuid,
            "name": instance.display_name,
            "status": status,
            "tenant_id": instance.project_id,
            "user_id": instance.user_id,
            "metadata": dict(server.metadata),
            "hostId": host_id(instance.project_id, instance.host),
            "image": self._image(server),
            "flavor": self._flavor(server),
            "created": timestamp(instance.created_at),
            "updated": timestamp(instance.updated_at or instance.created_at),
            "addresses": addresses(server.addresses, extended=extended),
            "accessIPv4": instance.access_ip_v4 or "",
            "accessIPv6": instance.access_ip_v6 or "",
            "links": links(self._base, f"servers/{instance.uuid}"),
            "OS-DCF:diskConfig": "AUTO" if instance.auto_disk_config else "MANUAL",
        }
        if status in _PROGRESS:
            view["progress"] = instance.progress
        if status in _FAULTY and server.fault is not None:
            view["fault"] = self._fault(server)
        return view

    def _fault(self, server: Server) -> dict[str, Any]:
        fault = server.fault
        if fault is None:
            return {}
        view = {"code": fault.code, "created": timestamp(fault.created_at), "message": fault.message}
        return view | ({"details": fault.details} if self._visibility.extended_attributes and fault.details else {})

    def _image(self, server: Server) -> Any:
        if not server.instance.image_ref:
            return ""
        image: dict[str, Any] = {
            "id": server.instance.image_ref,
            "links": links(self._base, f"images/{server.instance.image_ref}", versioned=False),
        }
        if self._version >= (2, 98):
            image["properties"] = image_props.standard(server.system_metadata, self._visibility.behaviours)
        return image

    def _flavor(self, server: Server) -> dict[str, Any]:
        flavor = server.flavor
        if self._version < (2, 47):
            return {"id": flavor.flavorid, "links": links(self._base, f"flavors/{flavor.flavorid}", versioned=False)}
        return {
            "vcpus": flavor.vcpus,
            "ram": flavor.memory_mb,
            "disk": flavor.root_gb,
            "ephemeral": flavor.ephemeral_gb,
            "swap": flavor.swap,
            "original_name": flavor.name,
            "extra_specs": dict(flavor.extra_specs),
        }

    def _by_version(self, server: Server) -> dict[str, Any]:
        instance = server.instance
        since: Sequence[tuple[tuple[int, int], str, Any]] = (
            ((2, 9), "locked", instance.locked),
            ((2, 19), "description", instance.display_description),
            ((2, 26), "tags", list(server.tags)),
            ((2, 63), "trusted_image_certificates", server.trusted_certificates),
            ((2, 73), "locked_reason", server.locked_reason if instance.locked else None),
            ((2, 90), "OS-EXT-SRV-ATTR:hostname", instance.hostname),
            ((2, 96), "pinned_availability_zone", server.pinned_zone),
            ((2, 100), "scheduler_hints", server.hints),
        )
        return {name: value for version, name, value in since if self._version >= version}

    def _states(self, server: Server) -> dict[str, Any]:
        instance = server.instance
        return {
            "OS-EXT-AZ:availability_zone": instance.availability_zone or "",
            "config_drive": instance.config_drive or "",
            "key_name": instance.key_name,
            "OS-SRV-USG:launched_at": usage_timestamp(instance.launched_at),
            "OS-SRV-USG:terminated_at": usage_timestamp(instance.terminated_at),
            "OS-EXT-STS:task_state": instance.task_state,
            "OS-EXT-STS:vm_state": instance.vm_state,
            "OS-EXT-STS:power_state": instance.power_state or 0,
            "os-extended-volumes:volumes_attached": self._volumes(server),
        }

    def _volumes(self, server: Server) -> list[dict[str, Any]]:
        return [
            {"id": device.volume_id}
            | ({"delete_on_termination": bool(device.delete_on_termination)} if self._version >= (2, 3) else {})
            for device in server.devices
            if device.destination_type == "volume" and device.volume_id
        ]

    def _attributes(self, server: Server) -> dict[str, Any]:
        """What only administrators see."""
        if not self._visibility.extended_attributes:
            return {}
        instance = server.instance
        view: dict[str, Any] = {
            "OS-EXT-SRV-ATTR:host": instance.host,
            "OS-EXT-SRV-ATTR:hypervisor_hostname": instance.node,
            "OS-EXT-SRV-ATTR:instance_name": instance_name(instance.id),
        }
        if self._version >= (2, 3):
            view |= {
                "OS-EXT-SRV-ATTR:hostname": instance.hostname,
                "OS-EXT-SRV-ATTR:reservation_id": instance.reservation_id,
                "OS-EXT-SRV-ATTR:launch_index": instance.launch_index,
                "OS-EXT-SRV-ATTR:kernel_id": instance.kernel_id or "",
                "OS-EXT-SRV-ATTR:ramdisk_id": instance.ramdisk_id or "",
                "OS-EXT-SRV-ATTR:root_device_name": instance.root_device_name,
                "OS-EXT-SRV-ATTR:user_data": instance.user_data,
            }
        if self._version >= (2, 16) and self._visibility.host_status:
            view["host_status"] = server.service.status(self._visibility.now) if server.service else ""
        return view


def addresses(found: Sequence[FixedIp], *, extended: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Label to addresses (``nova/api/openstack/compute/views/addresses.py``)."""
    return {label: [_address(each, extended=extended) for each in listed] for label, listed in by_label(found).items()}


def _address(found: FixedIp, *, extended: bool) -> dict[str, Any]:
    view: dict[str, Any] = {"version": found.version, "addr": found.address}
    return view | ({"OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": found.mac} if extended else {})


def host_id(project_id: str, host: str | None) -> str:
    """One value for a host, another for each project: ``sha224(project + host)``, empty without a host."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def instance_name(number: int) -> str:
    return f"instance-{number:08x}"
