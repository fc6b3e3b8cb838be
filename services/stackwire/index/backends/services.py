"""The other services as the index reads them: by their contracts, never their tables."""

from typing import Any

from stackwire.contracts.properties import (
    IndexedKind,
    ListImageProperties,
    ListServerProperties,
    ListSnapshotProperties,
    ListVolumeProperties,
    PropertiesPage,
    ResourceProperties,
)
from stackwire.core.context import system_context
from stackwire.messaging.rpc import RpcClient

CALL_TIMEOUT_SECONDS = 10.0


class Services:
    """``page_size``: of resources that are read at once. Unavailable for a service that does not answer."""

    def __init__(self, rpc: RpcClient, page_size: int) -> None:
        self._rpc = rpc
        self._page_size = page_size

    async def get(self, kind: IndexedKind, resource_id: str) -> ResourceProperties | None:
        """None for a resource that is deleted."""
        page = await self._call(kind, ids=[resource_id])
        return page.resources[0] if page.resources else None

    async def page(self, kind: IndexedKind, marker: str) -> PropertiesPage:
        """The resources of the kind after the marker."""
        return await self._call(kind, marker=marker, limit=self._page_size)

    async def _call(self, kind: IndexedKind, **page: Any) -> PropertiesPage:
        ctx, timeout = system_context("index"), CALL_TIMEOUT_SECONDS
        if kind == "image":
            return await self._rpc.call(ctx, ListImageProperties(**page), timeout=timeout)
        if kind == "volume":
            return await self._rpc.call(ctx, ListVolumeProperties(**page), timeout=timeout)
        if kind == "snapshot":
            return await self._rpc.call(ctx, ListSnapshotProperties(**page), timeout=timeout)
        return await self._rpc.call(ctx, ListServerProperties(**page), timeout=timeout)
