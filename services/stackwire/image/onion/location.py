"""Bytes: written, inspected, verified and counted on their way into a store; a failure leaves nothing behind."""

import asyncio

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.disk_image.signatures import Verifier, signed
from stackwire.image.backends.digests import CHECKSUM, OS_HASH, Digests
from stackwire.image.backends.writing import write_object
from stackwire.image.domain.errors import NotQueued
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import check_ready
from stackwire.image.domain.inspection import Inspection
from stackwire.image.domain.states import BEGIN, UPLOADING
from stackwire.image.domain.uploads import Chunk, WrittenData
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer


class ImageLocation(Layer[port.Images], port.Images):
    """Metadata moves no bytes: every verb passes. (Glance's layer sets the store's access lists here.)"""


class DataLocation(Layer[port.ImageData], port.ImageData):
    """Source: ``glance/location.py: ImageProxy.set_data``."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        """An image that is only staged may have its formats set later."""
        image = upload.image
        if not BEGIN[upload.status].allows(status=image.status):
            raise NotQueued(before=image.status, after=upload.status)
        for name in ("disk_format", "container_format") if upload.status != UPLOADING else ():
            if getattr(image, name) is None:
                raise BadRequest(f"Properties disk_format, container_format must be set prior to saving data: {name}.")
        return await self.inner.begin_upload(ctx, uow, upload)

    async def write(self, ctx: RequestContext, upload: port.Upload) -> WrittenData:
        image, stores = upload.image, self.deps.stores
        inspection = Inspection(
            image.disk_format or "", image.container_format or "", match=self.deps.require_format_match
        )
        verifier = await self._verifier(ctx, image)
        signed_by = () if verifier is None else (verifier.algorithm,)
        digests = Digests(CHECKSUM, OS_HASH, *signed_by)
        writer = await stores.writer(upload.store, upload.object_name, upload.announced, image.owner)

        async def inspect(chunk: Chunk) -> None:
            if not inspection.is_decided:
                await asyncio.to_thread(inspection.update, chunk)

        def finish() -> int | None:
            if verifier is not None:
                verifier.verify(digests.digest(verifier.algorithm))
            return inspection.finish(digests.size)

        virtual_size = await write_object(writer, upload.read(), digests, finish, inspect)
        return WrittenData(
            object=upload.object_name,
            stores=(upload.store or stores.default,),
            size=digests.size,
            virtual_size=virtual_size,
            checksum=digests.hexdigest(CHECKSUM),
            os_hash_algo=OS_HASH,
            os_hash_value=digests.hexdigest(OS_HASH),
        )

    async def write_staging(self, ctx: RequestContext, upload: port.Upload) -> int:
        """The bytes as they are: they are inspected when they are imported."""
        digests = Digests()
        await write_object(self.deps.staging.writer(upload.staged_name or ""), upload.read(), digests, lambda: None)
        return digests.size

    async def _verifier(self, ctx: RequestContext, image: Image) -> Verifier | None:
        """For a signed image: its certificate is checked before its first byte is kept."""
        signature = signed(image.properties)
        if signature is None:
            return None
        certificate = await self.deps.certificates.get(ctx, signature.certificate)
        return Verifier(signature, certificate, self.deps.clock.now())


class TaskLocation(Layer[port.ImageTasks], port.ImageTasks):
    """An import begins with an image in the state that its method needs."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        if new.request is not None:
            check_ready(new.image, new.request.method)
        return await self.inner.create_import(ctx, uow, new)
