"""A server as each version shows it. ``nova/api/openstack/compute/views/servers.py``; one table of what came when."""

import hashlib
from collections.abc import Sequence
from typing import Any

from stackwire.compute.domain import server_status, travel
from stackwire.compute.domain.addresses import FixedIp, by_label
from stackwire.compute.domain.server import Server
from stackwire.core.behaviours import Behaviours
from stackwire.http.microversions import Microversion

_PROGRESS = ("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
_FAULTY = ("ERROR", "DELETED")


class Look:
    """How one caller sees servers in one version. ``base`` is the scheme and host the client used."""

    def __init__(
        self,
        base: str,
        version: Microversion,
        behaviours: Behaviours,
        *,
        extended: bool,
        host_status: bool,
        details: bool,
    ) -> None:
        self.base, self.version = base, version
        self._behaviours = behaviours
        self._extended, self._host_status, self._details = extended, host_status, details

    def links(self, path: str, versioned: bool = True) -> list[dict[str, str]]:
        bookmark = {"rel": "bookmark", "href": f"{self.base}/{path}"}
        return [{"rel": "self", "href": f"{self.base}/v2.1/{path}"}, bookmark] if versioned else [bookmark]

    # ---- short forms

    def created(self, uuid: str, password: str | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": uuid,
            "links": self.links(f"servers/{uuid}"),
            "OS-DCF:diskConfig": "MANUAL",
            "security_groups": [{"name": "default"}],
        }
        return told | ({"adminPass": password} if password is not None else {})

    def brief(self, server: Server) -> dict[str, Any]:
        instance = server.instance
        return {"id": instance.uuid, "name": instance.display_name, "links": self.links(f"servers/{instance.uuid}")}

    # ---- the whole

    def detail(self, server: Server) -> dict[str, Any]:
        """An entry of the list: everything but the server's groups."""
        told = self._base(server, extended=True) | self._by_version(server)
        return told | self._states(server) | self._attributes(server)

    def show(self, server: Server) -> dict[str, Any]:
        groups: dict[str, Any] = {"server_groups": []} if self.version >= (2, 71) else {}
        return self.detail(server) | groups

    def updated(self, server: Server) -> dict[str, Any]:
        """The answer to a change: like show since 2.75, before without states, attributes and volumes."""
        if self.version >= (2, 75):
            return self.show(server)
        groups: dict[str, Any] = {"server_groups": []} if self.version >= (2, 71) else {}
        return self._base(server) | self._by_version(server) | groups

    def rebuilt(self, server: Server, password: str | None) -> dict[str, Any]:
        told = self.updated(server)
        if password is not None:
            told["adminPass"] = password
        if self.version >= (2, 54):
            told["key_name"] = server.instance.key_name
        if self.version >= (2, 57):
            told["user_data"] = server.instance.user_data
        return told

    def _base(self, server: Server, *, extended: bool = False) -> dict[str, Any]:
        """``extended``: its addresses with their type and MAC."""
        instance = server.instance
        word = server_status.status(instance.vm_state, instance.task_state)
        told: dict[str, Any] = {
            "id": instance.uuid,
            "name": instance.display_name,
            "status": word,
            "tenant_id": instance.project_id,
            "user_id": instance.user_id,
            "metadata": dict(server.metadata),
            "hostId": host_id(instance.project_id, instance.host),
            "image": self._image(server),
            "flavor": self._flavor(server),
            "created": stamp(instance.created_at),
            "updated": stamp(instance.updated_at or instance.created_at),
            "addresses": addresses(server.addresses, extended=extended),
            "accessIPv4": instance.access_ip_v4 or "",
            "accessIPv6": instance.access_ip_v6 or "",
            "links": self.links(f"servers/{instance.uuid}"),
            "OS-DCF:diskConfig": "AUTO" if instance.auto_disk_config else "MANUAL",
        }
        if word in _PROGRESS:
            told["progress"] = instance.progress
        if word in _FAULTY and server.fault is not None:
            told["fault"] = self._fault(server)
        return told

    def _fault(self, server: Server) -> dict[str, Any]:
        fault = server.fault
        if fault is None:
            return {}
        told = {"code": fault.code, "created": stamp(fault.created_at), "message": fault.message}
        return told | ({"details": fault.details} if self._details and fault.details else {})

    def _image(self, server: Server) -> Any:
        if not server.instance.image_ref:
            return ""
        image: dict[str, Any] = {
            "id": server.instance.image_ref,
            "links": self.links(f"images/{server.instance.image_ref}", versioned=False),
        }
        if self.version >= (2, 98):
            image["properties"] = travel.shown_properties(server.system_metadata, self._behaviours)
        return image

    def _flavor(self, server: Server) -> dict[str, Any]:
        flavor = server.flavor
        if self.version < (2, 47):
            return {"id": flavor.flavorid, "links": self.links(f"flavors/{flavor.flavorid}", versioned=False)}
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
            ((2, 63), "trusted_image_certificates", None),
            ((2, 73), "locked_reason", server.locked_reason if instance.locked else None),
            ((2, 90), "OS-EXT-SRV-ATTR:hostname", instance.hostname),
            ((2, 96), "pinned_availability_zone", server.pinned_zone),
            ((2, 100), "scheduler_hints", dict(server.scheduler_hints)),
        )
        return {name: value for version, name, value in since if self.version >= version}

    def _states(self, server: Server) -> dict[str, Any]:
        instance = server.instance
        return {
            "OS-EXT-AZ:availability_zone": instance.availability_zone or "",
            "config_drive": instance.config_drive or "",
            "key_name": instance.key_name,
            "OS-SRV-USG:launched_at": usage_stamp(instance.launched_at),
            "OS-SRV-USG:terminated_at": usage_stamp(instance.terminated_at),
            "OS-EXT-STS:task_state": instance.task_state,
            "OS-EXT-STS:vm_state": instance.vm_state,
            "OS-EXT-STS:power_state": instance.power_state or 0,
            "os-extended-volumes:volumes_attached": self._volumes(server),
        }

    def _volumes(self, server: Server) -> list[dict[str, Any]]:
        return [
            {"id": device.volume_id}
            | ({"delete_on_termination": bool(device.delete_on_termination)} if self.version >= (2, 3) else {})
            for device in server.devices
            if device.destination_type == "volume" and device.volume_id
        ]

    def _attributes(self, server: Server) -> dict[str, Any]:
        """What only administrators see."""
        if not self._extended:
            return {}
        instance = server.instance
        told: dict[str, Any] = {
            "OS-EXT-SRV-ATTR:host": instance.host,
            "OS-EXT-SRV-ATTR:hypervisor_hostname": instance.node,
            "OS-EXT-SRV-ATTR:instance_name": instance_name(instance.id),
        }
        if self.version >= (2, 3):
            told |= {
                "OS-EXT-SRV-ATTR:hostname": instance.hostname,
                "OS-EXT-SRV-ATTR:reservation_id": instance.reservation_id,
                "OS-EXT-SRV-ATTR:launch_index": instance.launch_index,
                "OS-EXT-SRV-ATTR:kernel_id": instance.kernel_id or "",
                "OS-EXT-SRV-ATTR:ramdisk_id": instance.ramdisk_id or "",
                "OS-EXT-SRV-ATTR:root_device_name": instance.root_device_name,
                "OS-EXT-SRV-ATTR:user_data": instance.user_data,
            }
        if self.version >= (2, 16) and self._host_status:
            told["host_status"] = "UP" if instance.host else ""
        return told


def addresses(found: Sequence[FixedIp], *, extended: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Label to addresses (``nova/api/openstack/compute/views/addresses.py``)."""
    return {label: [_address(each, extended=extended) for each in listed] for label, listed in by_label(found).items()}


def _address(found: FixedIp, *, extended: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"version": found.version, "addr": found.address}
    return told | ({"OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": found.mac} if extended else {})


def host_id(project_id: str, host: str | None) -> str:
    """One value for a host, another for each project: ``sha224(project + host)``, empty without a host."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def instance_name(number: int) -> str:
    return f"instance-{number:08x}"


def stamp(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def usage_stamp(moment: Any) -> str | None:
    return None if moment is None else str(moment.strftime("%Y-%m-%dT%H:%M:%S.%f"))
