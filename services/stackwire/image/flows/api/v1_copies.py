"""Copies of the v1 API: the API itself fetches the data, after its answer, and uploads it.

Source: ``glance/api/v1/images.py: Controller._handle_source``, ``copy_from``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.image.domain.errors import ImageForbidden
from stackwire.image.domain.image import Image
from stackwire.image.domain.policy import target_of
from stackwire.image.flows.deps import FlowDeps

log = logging.getLogger(__name__)

Upload = Callable[[AsyncIterator[bytes]], Awaitable[Image]]


class V1Copies:
    """Tasks of this process; what they leave when it dies is what an upload leaves."""

    def __init__(self, deps: FlowDeps) -> None:
        self._web = deps.web
        self._policy = deps.policy
        self._running: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """True while data is being copied."""
        return bool(self._running)

    async def check(self, ctx: RequestContext, image: Image, uri: str | None) -> None:
        """Raises UriRefused; who may not upload does not learn what a name in the URI resolves to."""
        if uri is not None:
            self._policy.require(ctx, "upload_image", target_of(image, ctx.project_id), ImageForbidden)
            await self._web.check(uri)

    def start(self, image_id: str, uri: str, upload: Upload) -> None:
        """Returns at once. The upload begins before the data is fetched: a source that fails kills the image."""
        task = asyncio.create_task(self._copy(image_id, uri, upload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def interrupt(self) -> None:
        """Cancels what is under way, which aborts the uploads."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _copy(self, image_id: str, uri: str, upload: Upload) -> None:
        try:
            await upload(self._fetched(uri))
        except ServiceError as error:
            log.warning("image %s could not be copied: %s", image_id, error)

    async def _fetched(self, uri: str) -> AsyncIterator[bytes]:
        async with self._web.open(uri) as page:
            async for chunk in page.chunks:
                yield chunk
