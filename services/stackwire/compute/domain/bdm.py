"""Block devices as they are asked for: two request syntaxes, what images and flavors add, and which sets are legal.

``Wish`` is one device before it exists. Everything here is pure; what needs a look at a volume, a snapshot or an
image is the flow's. ``nova/block_device.py``; ``nova/compute/api.py: _check_and_transform_bdm, _validate_bdm``.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from stackwire.compute.domain.errors import InvalidBDM

SOURCES = ("volume", "image", "snapshot", "blank")
DESTINATIONS = ("local", "volume")
DEFAULT_ROOT = "vda"


class Disks(Protocol):
    """What the rules ask of a flavor: ephemeral GiB and swap MiB."""

    @property
    def ephemeral_gb(self) -> int: ...
    @property
    def swap(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One block device as asked for. ``volume_size`` is GiB (MiB for swap); ``boot_index`` None or -1: not bootable."""

    source_type: str
    destination_type: str
    volume_id: str | None = None
    snapshot_id: str | None = None
    image_id: str | None = None
    volume_size: int | None = None
    volume_type: str | None = None
    boot_index: int | None = None
    device_name: str | None = None
    device_type: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    no_device: bool = False

    @property
    def is_root(self) -> bool:
        return self.boot_index == 0

    @property
    def is_volume(self) -> bool:
        return self.destination_type == "volume" and not self.no_device

    @property
    def is_swap(self) -> bool:
        return self.source_type == "blank" and self.destination_type == "local" and self.guest_format == "swap"

    @property
    def is_ephemeral(self) -> bool:
        return self.source_type == "blank" and self.destination_type == "local" and self.guest_format != "swap"


_FIELDS = frozenset(field.name for field in fields(Wish))


# ---- the two syntaxes


def from_v2(entries: Iterable[Mapping[str, Any]], *, has_image: bool) -> list[Wish]:
    """``block_device_mapping_v2`` of a request, entries already of the right types; InvalidBDM names what is wrong."""
    return [_from_v2(entry, has_image) for entry in entries]


def _from_v2(entry: Mapping[str, Any], has_image: bool) -> Wish:
    source = entry.get("source_type")
    if entry.get("no_device"):
        return Wish(
            source_type=source or "blank", destination_type="local", device_name=entry.get("device_name"),
            no_device=True,
        )  # fmt: skip
    if source not in SOURCES:
        raise InvalidBDM(reason=f"source_type must be one of {', '.join(SOURCES)}")
    uuid = entry.get("uuid")
    if source == "blank" and uuid:
        raise InvalidBDM(reason="a blank device has no uuid")
    if source != "blank" and not uuid:
        raise InvalidBDM(reason=f"a device from a source of type {source} needs its uuid")
    wish = _wish(entry, source, {f"{source}_id": uuid} if uuid else {})
    if source == "image" and wish.destination_type == "local" and not (has_image and wish.is_root):
        raise InvalidBDM(reason="an image can only be mapped to the local disk as the image the server boots from")
    if wish.volume_type and wish.destination_type == "local":
        raise InvalidBDM(reason="volume_type has no meaning for a local device")
    if wish.volume_type and source == "volume":
        raise InvalidBDM(reason="volume_type cannot be asked of a volume that exists")
    return wish


def _wish(entry: Mapping[str, Any], source: str, ids: Mapping[str, str]) -> Wish:
    asked = {key: value for key, value in entry.items() if key in _FIELDS and value is not None}
    asked |= {"source_type": source, **ids}
    asked.setdefault("destination_type", "volume" if source in ("volume", "snapshot") else "local")
    if source == "volume" and asked["destination_type"] == "local":
        raise InvalidBDM(reason="a volume can only be mapped to a volume")
    if asked.get("volume_size") in (None, ""):
        asked.pop("volume_size", None)
    return Wish(**asked)


def from_v1(entries: Iterable[Mapping[str, Any]], image_id: str, root_device: str, *, no_root: bool) -> list[Wish]:
    """``block_device_mapping`` of a request (or of an old image), and the image's own disk when nothing else is root.

    ``no_root``: the image brings its root device along, none is to be added.
    """
    wishes = [_from_v1(entry) for entry in entries]
    wishes = [_placed(wish, root_device) for wish in wishes]
    if image_id and not no_root and not any(wish.is_root for wish in wishes):
        wishes.insert(0, image_disk(image_id))
    return wishes


def _from_v1(entry: Mapping[str, Any]) -> Wish:
    rest = {
        key: entry[key]
        for key in ("device_name", "delete_on_termination", "volume_size")
        if entry.get(key) not in (None, "")
    }
    virtual = entry.get("virtual_name")
    if entry.get("no_device"):
        return Wish(source_type="blank", destination_type="local", no_device=True, device_name=rest.get("device_name"))
    if virtual and is_swap_or_ephemeral(virtual):
        guest = "swap" if virtual == "swap" else None
        return Wish(
            source_type="blank", destination_type="local", guest_format=guest, **rest | {"delete_on_termination": True}
        )
    if entry.get("snapshot_id"):
        return Wish(source_type="snapshot", destination_type="volume", snapshot_id=entry["snapshot_id"], **rest)
    if entry.get("volume_id"):
        return Wish(source_type="volume", destination_type="volume", volume_id=entry["volume_id"], **rest)
    raise InvalidBDM(reason="an entry names neither a volume, nor a snapshot, nor swap or ephemeral storage")


def _placed(wish: Wish, root_device: str) -> Wish:
    if wish.no_device:
        return wish
    named = wish.device_name is not None and strip_dev(wish.device_name) == strip_dev(root_device)
    return replace(wish, boot_index=0 if named and wish.source_type != "blank" else -1)


def image_disk(image_id: str) -> Wish:
    """The local disk a server gets from the image it boots from."""
    return Wish(
        source_type="image", destination_type="local", image_id=image_id, boot_index=0, device_type="disk",
        delete_on_termination=True,
    )  # fmt: skip


# ---- what the image and the flavor add


def assembled(
    asked: Callable[[bool], list[Wish]], image: Mapping[str, Any], flavor: Disks, *, legacy: bool
) -> list[Wish]:
    """All devices of a server: the image's, overridden by the request's, and the flavor's swap and ephemeral disks.

    ``asked(no_root)`` reads the request, told whether the image brings a root device; a client's own image disk then
    makes room for it.
    """
    own = from_image(image, flavor)
    brings_root = any(wish.is_root for wish in own)
    wishes = asked(brings_root)
    if brings_root and not legacy:
        wishes = [wish for wish in wishes if not (wish.source_type == "image" and wish.is_root)]
    return with_flavor_disks(_overridden(own, wishes), flavor)


def from_image(image: Mapping[str, Any], flavor: Disks) -> list[Wish]:
    """The devices an image defines: ``block_device_mapping`` (``bdm_v2`` says which syntax), and ``mappings``."""
    properties = image.get("properties") or {}
    root = root_device_of(properties) or DEFAULT_ROOT
    listed = properties.get("block_device_mapping") or []
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise InvalidBDM(reason="the image's block_device_mapping is not a list of objects")
    try:
        own = (
            [_stored(entry) for entry in listed]
            if properties.get("bdm_v2")
            else from_v1(listed, "", root, no_root=True)
        )
    except TypeError as error:
        raise InvalidBDM(reason=f"the image's block_device_mapping cannot be read: {error}") from None
    return _overridden(_virtual_devices(properties, flavor), own)


def _stored(entry: Mapping[str, Any]) -> Wish:
    """An entry of a snapshot image: already in the form the devices have inside, ids and all."""
    source, ids = (
        entry.get("source_type"),
        {k: entry[k] for k in ("volume_id", "snapshot_id", "image_id") if entry.get(k)},
    )
    if source not in SOURCES:
        raise InvalidBDM(reason="the image defines a device without a source")
    size, index = entry.get("volume_size"), entry.get("boot_index")
    if any(value is not None and (isinstance(value, bool) or not isinstance(value, int)) for value in (size, index)):
        raise InvalidBDM(reason="the image defines a device with a size or a boot index that is no number")
    if not all(isinstance(value, str) for value in ids.values()):
        raise InvalidBDM(reason="the image defines a device with an id that is no text")
    wish = _wish(entry, source, ids)
    return replace(wish, delete_on_termination=bool(wish.delete_on_termination), no_device=bool(wish.no_device))


def _virtual_devices(properties: Mapping[str, Any], flavor: Disks) -> list[Wish]:
    listed = properties.get("mappings") or []
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise InvalidBDM(reason="the image's mappings are not a list of objects")
    wishes = []
    for entry in listed:
        virtual, device = entry.get("virtual"), entry.get("device")
        if not isinstance(virtual, str) or not isinstance(device, str) or not is_swap_or_ephemeral(virtual):
            continue
        size = flavor.swap if virtual == "swap" else flavor.ephemeral_gb
        if size:
            wishes.append(replace(blank_disk(size, swap=virtual == "swap"), device_name=f"/dev/{strip_dev(device)}"))
    return wishes


def with_flavor_disks(wishes: Sequence[Wish], flavor: Disks) -> list[Wish]:
    """The flavor's ephemeral and swap disks, unless some are asked for already."""
    added = []
    if flavor.ephemeral_gb and not any(wish.is_ephemeral for wish in wishes):
        added.append(blank_disk(flavor.ephemeral_gb))
    if flavor.swap and not any(wish.is_swap for wish in wishes):
        added.append(blank_disk(flavor.swap, swap=True))
    return [*wishes, *added]


def blank_disk(size: int, *, swap: bool = False) -> Wish:
    return Wish(
        source_type="blank", destination_type="local", volume_size=size, boot_index=-1, device_type="disk",
        delete_on_termination=True, guest_format="swap" if swap else None,
    )  # fmt: skip


def _overridden(weak: Sequence[Wish], strong: Sequence[Wish]) -> list[Wish]:
    named = {strip_dev(wish.device_name) for wish in strong if wish.device_name}
    return [*strong, *(wish for wish in weak if not wish.device_name or strip_dev(wish.device_name) not in named)]


# ---- looking things up in them


def boot_candidate(wishes: Sequence[Wish], *, legacy: bool) -> Wish | None:
    """The device whose image, volume or snapshot tells what is booted: boot index 0, or in the old syntax letter a.

    ``nova/block_device.py: get_bdm_image_metadata``.
    """
    for wish in wishes:
        if (legacy and wish.device_name and device_letter(wish.device_name) == "a") or (not legacy and wish.is_root):
            return wish
    return None


def root_of(wishes: Sequence[Wish]) -> Wish | None:
    return next((wish for wish in wishes if wish.is_root and not wish.no_device), None)


def root_device_of(properties: Mapping[str, Any]) -> str | None:
    """The root device an image names: in ``mappings`` under ``root``, or as ``root_device_name``."""
    for entry in properties.get("mappings") or []:
        if isinstance(entry, Mapping) and entry.get("virtual") == "root" and isinstance(entry.get("device"), str):
            return f"/dev/{strip_dev(entry['device'])}"
    name = properties.get("root_device_name")
    return name if isinstance(name, str) and name else None


def is_swap_or_ephemeral(virtual: str) -> bool:
    return re.fullmatch(r"swap|ephemeral[0-9]{1,3}", virtual) is not None


def strip_dev(name: str) -> str:
    return name.removeprefix("/dev/")


def device_letter(name: str) -> str:
    """``/dev/sda1`` -> ``a``; of several letters the last ones, as in ``xvdba`` -> ``ba``."""
    bare = strip_dev(name).rstrip("0123456789")
    return re.sub(r"^(xvd|vd|sd|hd|ubd)", "", bare)
