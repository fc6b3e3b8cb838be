"""What a property of an image, or an extra spec of a flavor, does: asked of the code that would read it.

The guest is defined with it and without it, every filter is run with it and without it, and so are the API's checks.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stackwire.compute.backends import guest
from stackwire.compute.domain import image_props, validation, validation_hardware
from stackwire.compute.domain.model import BlockDevice, Flavor, Host, Instance
from stackwire.compute.domain.scheduler_aggregates import SCOPE
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS, FILTERS, PLACEMENT
from stackwire.compute.domain.scheduler_model import Needs
from stackwire.compute.domain.server import Server
from stackwire.core.errors import ServiceError

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ID = "00000000-0000-4000-8000-000000000000"
FLAVOR = Flavor(
    id=1, flavorid="1", name="m1.small", memory_mb=1024, vcpus=2, root_gb=10, extra_specs={}, created_at=_NOW
)
"""What is explained for, unless a flavor is named."""
ELSEWHERE: Mapping[str, str] = {
    "base_image_ref": "the API, for a snapshot's base_image_ref and for a rescue without an image",
    "cinder_encryption_key_id": "the API, which boots no image of an encrypted volume",
    "hw_auto_disk_config": "the API, for OS-DCF:diskConfig",
    "hw_qemu_guest_agent": "snapshots, which quiesce the guest",
    "hw_rescue_bus": "a rescue with this image",
    "hw_rescue_device": "a rescue with this image",
    "img_bdm_v2": "the API, for the server's devices",
    "img_block_device_mapping": "the API, for the server's devices",
    "img_config_drive": "the API, for the server's config drive",
    "img_mappings": "the API, for the server's devices",
    "img_root_device_name": "the API, for the server's root device",
    "img_signature": "the image service and the hosts, which verify the image",
    "img_signature_certificate_uuid": "the image service and the hosts, which verify the image",
    "img_signature_hash_method": "the image service and the hosts, which verify the image",
    "img_signature_key_type": "the image service and the hosts, which verify the image",
    "kernel_id": "the API, for the guest's kernel",
    "os_require_quiesce": "snapshots, which fail where the guest cannot be quiesced",
    "ramdisk_id": "the API, for the guest's ramdisk",
}
"""Who else reads an image property, by its name of today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``guest``: lines of its XML, after ``-`` or ``+``; ``filters``: by name, whether Nova enables each by default."""

    key: str
    value: str
    kind: str
    name: str
    guest: tuple[str, ...] = ()
    filters: Mapping[str, bool] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    elsewhere: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether anything reads it."""
        return bool(self.guest or self.filters or self.refusals or self.elsewhere)


def explain(key: str, value: str, flavor: Flavor = FLAVOR) -> Explanation:
    """Of an image property; of a flavor's extra spec where the key has a scope that images have not."""
    is_spec = ":" in key and not key.startswith("trait:")
    name = key if is_spec else "traits_required" if key.startswith("trait:") else image_props.LEGACY.get(key, key)
    found = Explanation(key=key, value=value, kind="extra spec" if is_spec else "image property", name=name)
    given: dict[str, Any] = {} if is_spec else {key: value}
    with_spec = replace(flavor, extra_specs={**flavor.extra_specs, key: value}) if is_spec else flavor
    refusal = _refusal(given, with_spec)
    if refusal is not None:
        return replace(found, refusals=(f"the API: {refusal}",), elsewhere=ELSEWHERE.get(name))
    typed = image_props.typed(given)
    guest_lines, unsupported = _guest(typed, flavor, with_spec)
    return replace(
        found,
        guest=guest_lines,
        refusals=() if unsupported is None else (f"the host: {unsupported}",),
        filters=_filters(_aggregate_key(key, name), value, typed, flavor, with_spec),
        elsewhere=ELSEWHERE.get(name),
    )


def _aggregate_key(key: str, name: str) -> str:
    """Under what name an aggregate's metadata would have it: traits are no property there."""
    return key if key.startswith("trait:") else name.removeprefix(SCOPE)


def _refusal(properties: Mapping[str, Any], flavor: Flavor) -> str | None:
    """What the API says to a server of this image and flavor."""
    try:
        validation_hardware.check_devices(flavor)
        validation.check_image({"properties": properties}, _ID, flavor, None, zero_disk_allowed=True)
    except ServiceError as error:
        return error.message
    return None


def _guest(typed: Mapping[str, Any], before: Flavor, after: Flavor) -> tuple[tuple[str, ...], str | None]:
    """The lines of the domain that change; or why the host cannot run the guest."""
    plain = guest.define(_server(before), {}, "disk", "console.log").xml.splitlines()
    try:
        changed = guest.define(_server(after), typed, "disk", "console.log")
    except ServiceError as error:
        return (), error.message
    lines = difflib.ndiff(plain, changed.xml.splitlines())
    found = tuple(line for line in lines if line[:2] in ("- ", "+ "))
    as_default = tuple(f"  as without it: {name}={value}" for name, value in changed.used.items())
    return found or as_default, None


def _server(flavor: Flavor) -> Server:
    columns: dict[str, Any] = dict.fromkeys(Instance.__dataclass_fields__)
    columns |= {"id": 1, "uuid": _ID, "display_name": "server", "image_ref": _ID, "kernel_id": "", "ramdisk_id": ""}
    columns |= {"config_drive": "", "created_at": _NOW, "root_device_name": "/dev/vda"}
    device: dict[str, Any] = dict.fromkeys(BlockDevice.__dataclass_fields__)
    device |= {"id": 1, "uuid": _ID, "instance_uuid": _ID, "source_type": "image", "destination_type": "local"}
    device |= {"boot_index": 0, "device_type": "disk", "created_at": _NOW}
    return Server(
        instance=Instance(**columns),
        flavor=flavor,
        devices=(BlockDevice(**device),),
        metadata={},
        system_metadata={},
        request_spec={},
    )


class _Watched(Mapping[str, Any]):
    """Properties that remember which of them were looked up."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._properties[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)


def _filters(key: str, value: str, typed: Mapping[str, Any], before: Flavor, after: Flavor) -> dict[str, bool]:
    """Those that look the property up, or decide otherwise for one of two hosts by the extra spec."""
    found = {}
    for name, rejects in {**PLACEMENT, **FILTERS}.items():
        watched = _Watched(typed)
        reasons = [
            [rejects(host, Needs(flavor=flavor, properties=watched)) for host in _hosts(key, value)]
            for flavor in (before, after)
        ]
        if not watched.read.isdisjoint(typed) or reasons[0] != reasons[1]:
            found[name] = name in PLACEMENT or name in DEFAULT_FILTERS
    return found


def _hosts(key: str, value: str) -> list[Host]:
    """A host like any, and one that is odd in everything."""
    plain = Host(
        id=1, uuid=_ID, host="one", hypervisor_hostname="one", hypervisor_type="QEMU", hypervisor_version=8002000,
        host_ip="127.0.0.1", vcpus=64, memory_mb=262144, local_gb=2048, cpu_info={"arch": "x86_64"}, traits=[],
        zone="nova", created_at=_NOW, updated_at=_NOW, disabled=False, disabled_reason=None, forced_down=False,
        service_id=1, service_uuid=_ID, vcpus_used=0, memory_mb_used=0, local_gb_used=0, running_vms=0,
    )  # fmt: skip
    odd = replace(
        plain, host="two", hypervisor_type="other", hypervisor_version=1, vcpus=0, memory_mb=0, local_gb=0,
        cpu_info={"arch": "other"}, traits=[key.removeprefix("trait:")], aggregates=[{key: f"not {value}"}],
    )  # fmt: skip
    return [plain, odd]


def in_words(found: Explanation) -> str:
    """For a terminal."""
    lines = [f"{found.key}={found.value}: {found.kind}" + (f", today {found.name}" if found.name != found.key else "")]
    lines += [f"  refused by {refusal}" for refusal in found.refusals]
    if found.guest:
        lines += ["  in the guest's XML:", *(f"    {line}" for line in found.guest)]
    for name, by_default in found.filters.items():
        lines.append(f"  read by {name}" + ("" if by_default else ", which is not enabled by default"))
    if found.elsewhere:
        lines.append(f"  read by {found.elsewhere}")
    return "\n".join(lines if found.is_read else [*lines, "  nothing reads it: it travels, and that is all"])
