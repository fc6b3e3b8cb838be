"""When OpenStack's property rules changed: one table. A release is a set of behaviours; a bug is one taken out.

Travel functions call ``behaviours.has(name)`` (core/behaviours.py) and never compare releases.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """``since``: the first release that came out with it; ``until``: the first without it again; ``bug``: its switch,
    ``aliases``: other names of that.

    ``broken_since``: the release that brought the bug which ``since`` mended; before it there was none. None: the
    bug is older than the releases covered here. Fixes that stable branches took over later do not count.
    """

    name: str
    service: str
    summary: str
    source: str
    since: str = "icehouse"
    until: str | None = None
    broken_since: str | None = None
    bug: str | None = None
    aliases: tuple[str, ...] = ()


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
        name="upload-drops-reserved-keys", since="2023.2", bug="lp-1945500", service="volume",
        summary="os_glance* keys are left out when a volume is uploaded to an image",
        source="cinder b3d3f31fa, 23.0.0; c43fb490b, 22.0.0, looked for them in the wrong place",
    ),
    Behaviour(
        name="upload-drops-signature-verified", since="2025.1", bug="lp-1823445", service="volume",
        summary="img_signature* and signature_verified are left out when a volume is uploaded to an image",
        source="cinder c65f43cb9, 26.0.0",
    ),
    Behaviour(
        name="upload-loses-store-id", since="ussuri", service="volume",
        summary="store_id is left out when a volume is uploaded to an image: Cinder's client takes it for its own",
        source="cinder 350973f3d, 16.0.0",
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
        name="bdm-lookup-drops-base-keys", since="liberty", bug="bdm-lookup-keeps-base-keys", service="compute",
        summary="image_id, image_name, size, checksum, formats, min_ram and min_disk leave the properties of a volume",
        source="nova 466d918db9, 12.0.0",
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
        name="snapshot-from-instance-metadata-only", since="liberty", bug="lp-1460079", service="compute",
        summary="a snapshot takes what the server recorded, not what the image or volume says now",
        source="nova 77ecc3d8c5, 12.0.0; nova/compute/utils.py: get_image_metadata until then",
    ),
    Behaviour(
        name="clone-keeps-image-metadata", service="volume", bug="lp-1115634",
        summary="a volume made of a volume keeps its image metadata",
        source="cinder f8842781c; the bug is of 2013-02, before the releases covered here",
    ),
    Behaviour(
        name="snapshot-needs-no-image-metadata", since="kilo", service="volume", bug="lp-1413880",
        summary="a bootable volume without image metadata can be snapshotted",
        source="cinder 8583aaf85, 2015.1.0",
    ),
    Behaviour(
        name="lists-show-image-metadata", since="juno", service="volume", bug="lp-1337526",
        summary="the detailed list of volumes shows volume_image_metadata, as a volume by itself does",
        source="cinder 06dd7f28d, 2014.2",
    ),
    Behaviour(
        name="image-metadata-of-any-length", since="2024.1", service="volume", bug="lp-1988942",
        summary="os-set_image_metadata takes values of more than 255 characters, as images have them",
        source="cinder 0bd1bd699, 24.0.0",
    ),
    Behaviour(
        name="data-keeps-registered-properties", service="image", bug="lp-901534",
        summary="a v1 PUT with data leaves the properties given at registration as they are",
        source="https://bugs.launchpad.net/glance/+bug/901534, before the releases covered here",
    ),
    Behaviour(
        name="active-images-keep-a-location", since="mitaka", bug="lp-1525915", service="image",
        aliases=("CVE-2016-0757",),
        summary="the last location of an active image stays; before, without one it was queued again, for other bytes",
        source="CVE-2016-0757, OSSA-2016-006 (2016-02); mended in glance 12.0.0, 11.0.2 and 2015.1.4",
    ),
    Behaviour(
        name="servers-show-standard-image-properties", since="2025.2", broken_since="2025.1", bug="lp-2098384",
        service="compute",
        summary="a server's view shows only the image properties Nova knows (2.98)",
        source="nova c7eac94fc5, 32.0.0; microversion 2.98 is of 2025.1",
    ),
    Behaviour(
        name="volume-backed-rebuild-is-refused", since="queens", bug="lp-1482040", service="compute",
        summary="a rebuild of a volume-backed server to another image is refused: its disk would stay the old image's",
        source="nova 132636dd61, 17.0.0",
    ),
    Behaviour(
        name="rebuild-asks-the-scheduler", since="queens", bug="lp-1664931", service="compute",
        aliases=("CVE-2017-16239",),
        summary="a rebuild to another image asks the scheduler's filters whether its host may have that image",
        source="OSSA-2017-005, nova 984dd8ad6a, 17.0.0",
    ),
    Behaviour(
        name="rebuild-keeps-numa-topology", since="ussuri", bug="lp-1763766", service="compute",
        summary="a rebuild is refused to an image whose properties ask for another NUMA topology",
        source="nova 6f5358ac19, 21.0.0",
    ),
    Behaviour(
        name="rescue-refuses-volume-snapshots", since="victoria", bug="lp-1879500", service="compute",
        summary="a server is not rescued with an image that is a volume snapshot: it has no bytes to boot",
        source="nova b9ff0ca94e, 22.0.0",
    ),
    Behaviour(
        name="rescue-checks-volume-backed-servers", since="2023.1", broken_since="ussuri", bug="lp-1926601",
        service="compute",
        summary="rescue of a volume-backed server is refused where its image names no rescue device or bus",
        source="nova 6eed55bf55, 27.0.0; such rescues came with 2.87",
    ),
    Behaviour(
        name="rescue-outlives-the-image", since="2024.2", broken_since="ussuri", bug="lp-2002606", service="compute",
        summary="a rescue with a stable device takes the recorded properties where the server's image is deleted",
        source="nova 714894a7ff, 30.0.0; stable devices are of 21.0.0",
    ),
    Behaviour(
        name="snapshots-are-shared-with-the-owner", since="stein", bug="lp-1675791", service="compute",
        summary="an image that an administrator makes of a server is shared with the server's project",
        source="nova 35cc0f5e94, 19.0.0",
    ),
    Behaviour(
        name="volume-snapshot-keeps-min-ram", since="liberty", bug="lp-1369854", service="compute",
        aliases=("lp-1439819",),
        summary="the snapshot of a server on a volume has the min_ram of the image that the volume is of",
        source="nova 8cf2d41344, 12.0.0",
    ),
    Behaviour(
        name="bdm-lookup-follows-snapshots", since="kilo", bug="lp-1375478", service="compute",
        summary="a server booted from a volume's snapshot has the image metadata of that volume",
        source="nova 2ee0d651b1, 2015.1.0",
    ),
    Behaviour(
        name="volumes-need-an-active-image", since="juno", bug="lp-1302621", service="volume",
        summary="a volume of an image that is not active is refused, instead of ending in error",
        source="cinder 0756cf8ec, 2014.2",
    ),
    Behaviour(
        name="lists-leave-out-empty-image-metadata", since="pike", broken_since="juno", bug="lp-1680122",
        service="volume", summary="a volume without image metadata has none in lists either, not an empty object",
        source="cinder e7aac1e97, 11.0.0; the lists show it since 06dd7f28d, 2014.2",
    ),
    Behaviour(
        name="refused-reimage-restores-status", since="2024.1", broken_since="yoga", bug="lp-2036994",
        service="volume", summary="a volume that cannot take another image has its status again, not downloading",
        source="cinder a752012c9, 24.0.0; os-reimage is of 20.0.0",
    ),
    Behaviour(
        name="v1-status-is-read-only", since="liberty", bug="lp-1482371", service="image",
        aliases=("CVE-2015-5251",),
        summary="x-image-meta-status of a v1 request does not change an image's status",
        source="CVE-2015-5251, OSSA-2015-019, glance 34f9f0371, 11.0.0",
    ),
    Behaviour(
        name="stores-is-no-property", since="victoria", bug="lp-1889676", service="image",
        summary="stores cannot be set by a client: it names the stores that have the data",
        source="glance e1f0e94b9, 21.0.0",
    ),
    Behaviour(
        name="own-properties-do-not-count", since="wallaby", bug="lp-1912001", service="image",
        summary="os_glance_ properties, which an import leaves, do not count against the quota of properties",
        source="glance 314e93abe, 22.0.0",
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
        name="glance-registry", until="victoria", service="image",
        summary="the Image v1 API reaches its database through glance-registry, a service of its own",
        source="glance 21.0.0 release notes: removed; deprecated in 16.0.0",
    ),
    Behaviour(
        name="size-zero-activation", until="rocky", service="image",
        summary="an image created with size 0 is active at once, through the v1 API",
        source="glance/api/v1/images.py",
    ),
)  # fmt: skip
