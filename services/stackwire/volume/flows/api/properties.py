"""The properties of every project's volumes and snapshots, page by page, for an index of them."""

from stackwire.contracts.properties import ListSnapshotProperties, ListVolumeProperties, PropertiesPage
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.volume.db import properties


class PropertiesReport:
    """For services alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_of_volumes(self, ctx: RequestContext, message: ListVolumeProperties) -> PropertiesPage:
        """One page. Forbidden for users."""
        limit = message.limit_for(ctx)
        async with self._database.read() as session:
            rows = await properties.page(session, "volumes", message.marker, message.ids, limit + 1)
        return PropertiesPage.of(rows, limit)

    async def list_of_snapshots(self, ctx: RequestContext, message: ListSnapshotProperties) -> PropertiesPage:
        """One page. Forbidden for users."""
        limit = message.limit_for(ctx)
        async with self._database.read() as session:
            rows = await properties.page(session, "snapshots", message.marker, message.ids, limit + 1)
        return PropertiesPage.of(rows, limit)
