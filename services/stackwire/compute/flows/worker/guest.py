"""A server's guest: its definition from flavor and image properties, and its disk from its image."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stackwire.compute.backends import guest
from stackwire.compute.backends.disks import BaseImageMissing
from stackwire.compute.backends.domain_xml import Rescue
from stackwire.compute.backends.guest import Definition
from stackwire.compute.backends.image_verification import verify_file
from stackwire.compute.db import instances
from stackwire.compute.domain import image_props, travel
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork


class Guests:
    """The guests of one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    def define(
        self, server: Server, properties: Mapping[str, Any] | None = None, rescue: Rescue | None = None
    ) -> Definition:
        """GuestUnsupported when the hypervisor cannot do what the image requires.

        ``properties``: of the image it boots from, where these are not the recorded ones.
        """
        if properties is None:
            properties = travel.image_meta(server.system_metadata, self._host.behaviours)["properties"]
        disk, console = self._host.disks.disk(server.uuid), self._host.disks.console(server.uuid)
        return guest.define(server, image_props.typed(properties), str(disk), str(console), rescue)

    async def write_disk(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """The root disk from the image's bytes; a volume-backed server only gets its folder."""
        root = server.root
        if (root is not None and root.is_volume) or not image_id:
            await self._host.disks.create(server.uuid, None)
            return
        await self.write_from(ctx, server, image_id, lambda base: self._host.disks.create(server.uuid, base))

    async def write_from(
        self, ctx: RequestContext, server: Server, image_id: str, write: Callable[[Path], Awaitable[None]]
    ) -> None:
        """Writes from the image's file in the cache; again where that was dropped in between, if it is still there."""
        trusted = server.trusted_certificates
        try:
            await write(await self.fetch_image(ctx, image_id, trusted))
        except BaseImageMissing:
            await write(await self.fetch_image(ctx, image_id, trusted))

    async def fetch_image(self, ctx: RequestContext, image_id: str, trusted: Sequence[str] | None = None) -> Path:
        """The image's file in the host's cache, verified if it must be; ``trusted``: what the server's client trusts.

        CertificateValidationFailed, ImageSignatureRefused. A file that was there is verified, too, which Nova's is not.
        """
        image = await self._host.images.get(ctx, image_id)
        verifier = await self._host.verification.verifier(ctx, image, trusted)
        algorithm, digest = digest_of(image)
        feed = partial(self._host.images.data, ctx, image_id)
        path = await self._host.disks.images.fetch(image_id, image.disk_format, feed, algorithm, digest)
        if verifier is not None:
            await verify_file(verifier, path)
        return path

    async def write_files(self, server: Server, files: Sequence[Sequence[str]]) -> None:
        """Those that the client gave, as pairs of path and base64; the console tells of each."""
        for path, size in await self._host.disks.inject(server.uuid, files):
            await self._host.disks.log(server.uuid, f"simulated guest: wrote {path!r}, {size} bytes")

    async def save(self, uow: UnitOfWork, server: Server, definition: Definition) -> None:
        """The definition beside the server, and which of the properties became part of it."""
        await instances.set_guest_xml(uow, server.uuid, definition.xml)
        ends = Resource("server", server.uuid), Resource("guest", server.uuid)
        uow.apply(travel.guest, *ends, server.system_metadata, definition.used)


def digest_of(image: ImageView) -> tuple[str, str | None]:
    """The best digest that there is of the image's bytes, and its algorithm."""
    if image.os_hash_algo and image.os_hash_value:
        return image.os_hash_algo, image.os_hash_value
    return "md5", image.checksum
