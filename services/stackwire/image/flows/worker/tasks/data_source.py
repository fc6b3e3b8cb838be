"""The sources of an import's bytes: staged by the client, downloaded from the web, or from another Glance."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.image.backends.convert import convert, inspect
from stackwire.image.backends.glance import OtherGlance
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import ConversionFailed, DownloadFailed, StorageFull
from stackwire.image.domain.imports import DIRECT, FROM_GLANCE, importable
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.worker.tasks.job import ImportJob

OnStoreFailed = Callable[[ImportJob, str, str], Awaitable[None]]
"""Called with the job, a store that did not take the bytes, and the reason, before the next store is tried."""


class ImportSource:
    """``output_format``: the disk format that interoperable imports are converted to; None: as they are.

    ``property_prefixes``: of the properties that an image takes over from another Glance.
    """

    def __init__(
        self, deps: FlowDeps, glance: OtherGlance, *, output_format: str | None, property_prefixes: Sequence[str]
    ) -> None:
        self._data = deps.onion.data
        self._staging = deps.staging
        self._web = deps.web
        self._glance = glance
        self._output_format = output_format
        self._property_prefixes = property_prefixes

    async def fetch_into_store(
        self, ctx: RequestContext, job: ImportJob, on_store_failed: OnStoreFailed
    ) -> tuple[ImportJob, WrittenData]:
        """From the source into staging, and from staging into the first store that takes the bytes.

        An image without a name in staging is written into its store directly.
        """
        if job.method.get("name") == FROM_GLANCE:
            job = await self._describe(ctx, job)
        staged = job.image.staged
        if job.method.get("name") != DIRECT:
            source = (
                self._glance.open(ctx, job.method) if job.original is not None else self._web.open(job.method["uri"])
            )
            async with source as page:
                upload = replace(job.upload, announced=page.length, chunks=job.counter.counted(page.chunks))
                if staged is None:
                    return job, await self._data.write(ctx, upload)
                size = await self._data.write_staging(ctx, upload)
            job = replace(job, upload=replace(job.upload, announced=size))
        if self._output_format is not None:
            job = await self._convert(job, staged or "", self._output_format)
        return await self._store(ctx, job, staged or "", on_store_failed)

    async def _store(
        self, ctx: RequestContext, job: ImportJob, staged: str, on_store_failed: OnStoreFailed
    ) -> tuple[ImportJob, WrittenData]:
        """A store that does not take the bytes fails the task where all must succeed."""
        for store in job.task.stores:
            try:
                async with (
                    aclosing(self._staging.read(staged)) as chunks,
                    aclosing(job.counter.counted(chunks)) as counted,
                ):
                    upload = replace(job.upload, image=job.target_image, store=store, chunks=counted)
                    return job, await self._data.write(ctx, upload)
            except (StorageFull, Unavailable) as error:
                if job.task.all_must_succeed or store == job.task.stores[-1]:
                    raise
                job = replace(job, failed=(*job.failed, store))
                await on_store_failed(job, store, error.message)
        raise DownloadFailed(reason="there is no store to put it into")

    async def _convert(self, job: ImportJob, staged: str, output_format: str) -> ImportJob:
        """The staged bytes in another format; an ISO stays one.

        Source: ``glance/async_/flows/plugins/image_conversion.py``.
        """
        image, path = job.target_image, self._staging.path(staged)
        disk_format = image.disk_format or ""

        def failed(reason: str) -> ConversionFailed:
            return ConversionFailed(was=disk_format, becomes=output_format, reason=reason)

        if image.container_format != "bare":
            raise failed(f"it is in a {image.container_format} container")
        virtual_size = await inspect(path, disk_format, "bare")
        if disk_format in (output_format, "iso"):
            return job
        max_bytes = job.upload.allowance
        if output_format == "raw" and (virtual_size or 0) > max_bytes:
            raise failed(f"it would have more than {max_bytes} bytes")
        await convert(path, self._staging.coming(staged), disk_format, output_format, max_bytes)
        upload = replace(job.upload, announced=await self._staging.replace(staged))
        return replace(job, upload=upload, target=replace(image, disk_format=output_format))

    async def _describe(self, ctx: RequestContext, job: ImportJob) -> ImportJob:
        """The image takes over the formats of its original, and the properties that the operator permits."""
        view = await self._glance.describe(ctx, job.method)
        formats = {name: attributes.BASE[name](name, view.get(name)) for name in ("disk_format", "container_format")}
        if None in formats.values():
            raise DownloadFailed(reason="its original does not say what it is")
        properties = importable(view, self._property_prefixes)
        for name, value in properties.items():
            attributes.check_value(attributes.check_name(name), value)
        target = replace(job.image, **formats, properties={**job.image.properties, **properties})
        return replace(job, original=view, target=target)
