"""The properties of every project's images, page by page, for an index of them."""

from stackwire.contracts.properties import ListImageProperties, PropertiesPage
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.db import properties


class PropertiesReport:
    """For services alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_properties(self, ctx: RequestContext, message: ListImageProperties) -> PropertiesPage:
        """One page. Forbidden for users."""
        limit = message.limit_for(ctx)
        async with self._database.read() as session:
            rows = await properties.page(session, message.marker, message.ids, limit + 1)
        return PropertiesPage.of(rows, limit)
