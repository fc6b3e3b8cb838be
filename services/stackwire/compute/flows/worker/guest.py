"""A server's guest: its definition from flavor and image properties, and its disk from its image."""

from stackwire.compute.backends import guest
from stackwire.compute.backends.guest import Definition
from stackwire.compute.db import actions
from stackwire.compute.domain import image_props, travel
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import Hosting
from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork


class Guests:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting

    def define(self, server: Server) -> Definition:
        """GuestUnsupported when the hypervisor cannot do what the image asks."""
        properties = travel.image_meta(server.system_metadata, self._on.behaviours)["properties"]
        disk = str(self._on.disks.disk(server.uuid))
        return guest.define(server, image_props.typed(properties), disk, str(self._on.disks.console(server.uuid)))

    async def write_disk(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """The root disk from the image's bytes; a volume-backed server only gets its place."""
        root = server.root
        if (root is not None and root.is_volume) or not image_id:
            await self._on.disks.make(server.uuid, None)
            return
        image = await self._on.images.get(ctx, image_id)
        algorithm, digest = "md5", image.checksum
        if image.os_hash_algo and image.os_hash_value:
            algorithm, digest = image.os_hash_algo, image.os_hash_value
        chunks = self._on.images.data(ctx, image_id)
        base = await self._on.disks.cached(image_id, image.disk_format, chunks, algorithm, digest)
        await self._on.disks.make(server.uuid, base)

    async def keep(self, uow: UnitOfWork, server: Server, definition: Definition) -> None:
        """The definition beside the server, and what of the properties became part of it."""
        await actions.set_guest(uow, server.uuid, definition.xml)
        uow.notify(
            property_transfer(
                "compute", "compute.guest", "server", server.uuid, "guest", server.uuid, server.system_metadata,
                definition.used, source="nova/virt/libvirt/driver.py: _get_guest_config", prefix=f"-{travel.PREFIX}",
            )
        )  # fmt: skip
