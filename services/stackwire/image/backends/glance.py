"""Images of another Glance, with the caller's token: their metadata, then their data."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.http.client import HttpClient
from stackwire.http.request import parse_json
from stackwire.image.backends.web import Page
from stackwire.image.domain.errors import DownloadFailed

_INTERFACES = ("public", "internal", "admin")
_MAX_METADATA_BYTES = 1024**2


class OtherGlance:
    """``endpoints``: base URLs by region, as in the catalogue; this service's is one of them."""

    def __init__(self, endpoints: Mapping[str, str], http: HttpClient) -> None:
        self._endpoints = {region.lower(): url for region, url in endpoints.items()}
        self._http = http

    async def describe(self, ctx: RequestContext, method: Mapping[str, str]) -> dict[str, Any]:
        """The active image in the other Glance's JSON. Raises DownloadFailed."""
        raw = b""
        try:
            async with self._http.stream(ctx, "GET", self._url(method)) as answer:
                async for chunk in answer.chunks():
                    raw += chunk
                    if len(raw) > _MAX_METADATA_BYTES:
                        raise DownloadFailed(reason="its description is too long")
            view = parse_json(raw)
        except DownloadFailed:
            raise
        except ServiceError as error:
            raise DownloadFailed(reason=f"the other Glance does not show it ({error.status})") from error
        if not isinstance(view, dict) or view.get("status") != "active":
            status = view.get("status") if isinstance(view, dict) else None
            raise DownloadFailed(reason=f"Source image status should be active instead of {status}")
        return view

    @asynccontextmanager
    async def open(self, ctx: RequestContext, method: Mapping[str, str]) -> AsyncIterator[Page]:
        """Its bytes. Raises DownloadFailed."""
        async with AsyncExitStack() as stack:
            try:
                stream = self._http.stream(ctx, "GET", f"{self._url(method)}/file")
                answer = await stack.enter_async_context(stream)
            except DownloadFailed:
                raise
            except ServiceError as error:
                raise DownloadFailed(reason=f"the other Glance does not give it ({error.status})") from error
            length = answer.headers.get("Content-Length")
            yield Page(int(length) if length is not None else None, answer.chunks())

    def _url(self, method: Mapping[str, str]) -> str:
        base = self._endpoints.get(method["glance_region"].lower())
        if base is None or method.get("glance_service_interface", "public") not in _INTERFACES:
            raise DownloadFailed(reason="there is no such region, or no such interface, of a Glance")
        return f"{base.rstrip('/')}/v2/images/{method['glance_image_id']}"
