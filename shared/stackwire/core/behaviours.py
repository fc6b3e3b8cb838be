"""When OpenStack's property rules changed: one table. A release is a set of behaviours; a bug is one taken out.

Travel functions call ``behaviours.has(name)`` and never compare releases.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

RELEASES = (
    "icehouse", "juno", "kilo", "liberty", "mitaka", "newton", "ocata", "pike", "queens", "rocky", "stein", "train",
    "ussuri", "victoria", "wallaby", "xena", "yoga", "zed", "2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2",
    "2026.1", "2026.2",
)  # fmt: skip
CURRENT = RELEASES[-1]
ALIASES = {
    "current": CURRENT, "antelope": "2023.1", "bobcat": "2023.2", "caracal": "2024.1", "dalmatian": "2024.2",
    "epoxy": "2025.1", "flamingo": "2025.2", "gazpacho": "2026.1", "hibiscus": "2026.2",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """``since``: the first release that has it; ``until``: the first that no longer has it; ``bug``: its switch."""

    name: str
    service: str
    summary: str
    source: str
    since: str = "icehouse"
    until: str | None = None
    bug: str | None = None


TABLE: tuple[Behaviour, ...] = (
    Behaviour(
        name="rebuild-keeps-base-image-ref", since="victoria", bug="lp-1893618", service="compute",
        summary="rebuild writes image_base_image_ref again after wiping the image_* rows",
        source="nova fe52b6c25b, 22.0.0",
    ),
    Behaviour(
        name="upload-inherits-image-metadata", since="juno", bug="upload-without-inheritance", service="volume",
        summary="os-volume_upload_image hands the volume's image metadata on to the new image",
        source="cinder dcf4b10cd, 2014-06-11",
    ),
    Behaviour(
        name="upload-drops-reserved-keys", since="yoga", bug="lp-1945500", service="volume",
        summary="os_glance* keys are left out when a volume is uploaded to an image",
        source="cinder c43fb490b, b3d3f31fa",
    ),
    Behaviour(
        name="upload-drops-signature-verified", since="2025.1", bug="lp-1823445", service="volume",
        summary="img_signature* and signature_verified are left out when a volume is uploaded to an image",
        source="cinder c65f43cb9, 26.0.0",
    ),
    Behaviour(
        name="upload-loses-store-id", since="train", service="volume",
        summary="store_id is left out when a volume is uploaded to an image: Cinder's client takes it for its own",
        source="cinder 350973f3d, 15.0.0",
    ),
    Behaviour(
        name="upload-loses-base-image-ref", since="ussuri", service="volume",
        summary="base_image_ref is left out when a volume is uploaded to an image, for the same reason",
        source="cinder 7c685f0d6, 16.0.0",
    ),
    Behaviour(
        name="upload-loses-privileged-user", since="2025.2", service="volume",
        summary="privileged_user is left out when a volume is uploaded to an image, for the same reason",
        source="cinder 9dfb500d5, 27.0.0",
    ),
    Behaviour(
        name="bdm-lookup-returns-image-meta", since="juno", bug="bdm-lookup-properties-only", service="compute",
        summary="booting from a volume looks up min_ram, min_disk and size too, not only the properties",
        source="nova 2014.1.5",
    ),
    Behaviour(
        name="bdm-lookup-drops-base-keys", since="juno", bug="bdm-lookup-keeps-base-keys", service="compute",
        summary="image_id, image_name, size, checksum, formats, min_ram and min_disk leave the properties of a volume",
        source="nova/block_device.py: get_bdm_image_metadata",
    ),
    Behaviour(
        name="values-cut-at-bytes", since="kilo", bug="lp-1425657", service="compute",
        summary="system metadata values are cut at 255 UTF-8 bytes, not 255 characters",
        source="nova 8ec6a73fef",
    ),
    Behaviour(
        name="current-identity-wins", service="compute", bug="second-generation-identity",
        summary="a snapshot of a server booted from a snapshot bears its own instance_uuid, user and image_type",
        source="nova/utils.py: get_image_from_system_metadata leaves it to row order",
    ),
    Behaviour(
        name="snapshot-drops-absolute-non-inheritables", since="ussuri", bug="lp-1852106", service="compute",
        summary="signature and encryption key properties never pass into a snapshot",
        source="nova bc29084012, 21.0.0; Train has the bug (openstack-discuss, 2020-02-18)",
    ),
    Behaviour(
        name="snapshot-from-instance-metadata-only", since="juno", service="compute",
        bug="snapshot-merges-current-image",
        summary="a snapshot takes what the server recorded, not what the image or volume says now",
        source="nova/compute/utils.py: get_image_metadata, icehouse",
    ),
    Behaviour(
        name="clone-keeps-image-metadata", service="volume", bug="lp-1115634",
        summary="a volume made of a volume keeps its image metadata",
        source="cinder f8842781c; the bug is of 2013-02, before the releases covered here",
    ),
    Behaviour(
        name="snapshot-needs-no-image-metadata", since="kilo", service="volume", bug="lp-1413880",
        summary="a bootable volume without image metadata can be snapshotted",
        source="cinder 8583aaf85; the bug is of 2015-01",
    ),
    Behaviour(
        name="lists-show-image-metadata", since="juno", service="volume", bug="lp-1337526",
        summary="the detailed list of volumes shows volume_image_metadata, as a volume by itself does",
        source="cinder 06dd7f28d; the bug is of 2014-07",
    ),
    Behaviour(
        name="image-metadata-of-any-length", since="2023.1", service="volume", bug="lp-1988942",
        summary="os-set_image_metadata takes values of more than 255 characters, as images have them",
        source="cinder 0bd1bd699; the bug is of 2022-09",
    ),
    Behaviour(
        name="data-keeps-registered-properties", service="image", bug="lp-901534",
        summary="a v1 PUT with data leaves the properties given at registration as they are",
        source="https://bugs.launchpad.net/glance/+bug/901534, before the releases covered here",
    ),
    Behaviour(
        name="active-images-keep-a-location", since="mitaka", bug="lp-1525915", service="image",
        summary="the last location of an active image stays; before, without one it was queued again, for other bytes",
        source="CVE-2016-0757, OSSA-2016-006 (2016-02); mended in glance 12.0.0, 11.0.2 and 2015.1.3",
    ),
    Behaviour(
        name="servers-show-standard-image-properties", service="compute", bug="lp-2098384",
        summary="a server's view shows only the image properties Nova knows (2.98)",
        source="nova c7eac94fc5; both are of 2025.1",
    ),
    Behaviour(
        name="volume-backed-rebuild-is-refused", since="queens", bug="lp-1482040", service="compute",
        summary="a rebuild of a volume-backed server to another image is refused: its disk would stay the old image's",
        source="nova 132636dd61, 17.0.0",
    ),
    Behaviour(
        name="volume-backed-rebuild", since="zed", service="compute",
        summary="a volume-backed server can be rebuilt to another image (2.93, os-reimage)",
        source="nova 26.0.0",
    ),
    Behaviour(
        name="nova-asks-image-v2", since="newton", service="compute",
        summary="Nova can use v2 of the Image API; before it used v1",
        source="nova fc33c4b212, 4a39b8b530, 8eca306ab0 (2016-06)",
    ),
    Behaviour(
        name="visibility-shared-default", since="ocata", service="image",
        summary="a new image is shared, not private, by default",
        source="glance 14.0.0",
    ),
    Behaviour(
        name="v1-api", until="rocky", service="image",
        summary="the Image v1 API answers",
        source="glance 17.0.0 release notes: removed",
    ),
    Behaviour(
        name="size-zero-activation", until="rocky", service="image",
        summary="an image created with size 0 is active at once, through the v1 API",
        source="glance/api/v1/images.py",
    ),
)  # fmt: skip

BUGS = {behaviour.bug: behaviour for behaviour in TABLE if behaviour.bug}
_NAMES = frozenset(behaviour.name for behaviour in TABLE)


class Behaviours:
    """The behaviours in force."""

    __slots__ = ("_known", "release", "without")

    def __init__(self, release: str, known: frozenset[str], without: tuple[str, ...]) -> None:
        self.release = release
        self.without = without
        self._known = known

    def has(self, name: str) -> bool:
        """Whether the behaviour is in force. Raises KeyError for a name that is not in the table."""
        if name not in _NAMES:
            raise KeyError(f"no such behaviour: {name}")
        return name in self._known

    def latest(self, since: Mapping[str, str]) -> str:
        """The last value that had come by this release; ``since``: values by the release that brought each."""
        known = RELEASES[: RELEASES.index(self.release) + 1]
        return [since[name] for name in known if name in since][-1]

    def __repr__(self) -> str:
        return f"Behaviours({self.release!r}, without={self.without!r})"


def release_named(text: str) -> str:
    """The canonical name of a release. Raises ValueError, with the known names, for an unknown one."""
    name = ALIASES.get(text.lower(), text.lower())
    if name not in RELEASES:
        raise ValueError(f"unknown release {text!r}; known: {', '.join(RELEASES)}, current")
    return name


@cache
def _behaviours(release: str, without: tuple[str, ...]) -> Behaviours:
    at = RELEASES.index(release)
    known = {
        b.name for b in TABLE if RELEASES.index(b.since) <= at and (b.until is None or at < RELEASES.index(b.until))
    }
    return Behaviours(release, frozenset(known - set(without)), without)


def behaviours_of(release: str = "current", without: Iterable[str] = ()) -> Behaviours:
    """The behaviours of a release without those named (by behaviour or by bug).

    Raises ValueError for an unknown name.
    """
    taken = []
    for name in without:
        behaviour = BUGS[name].name if name in BUGS else name
        if behaviour not in _NAMES:
            raise ValueError(f"unknown bug {name!r}; known: {', '.join(sorted(BUGS))}")
        taken.append(behaviour)
    return _behaviours(release_named(release), tuple(sorted(taken)))
