"""The properties of every project's images, page by page, for an index of them."""

from stackwire.contracts.properties import ListImageProperties, PropertiesPage, ResourceProperties
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden
from stackwire.db.pool import Database
from stackwire.image.db import properties

MAX_LIMIT = 1000


class PropertiesReport:
    """For services alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_properties(self, ctx: RequestContext, message: ListImageProperties) -> PropertiesPage:
        """One page. Forbidden for users."""
        if "service" not in ctx.service_roles:
            raise Forbidden
        limit = max(1, min(message.limit, MAX_LIMIT))
        async with self._database.read() as session:
            rows = await properties.page(session, message.marker, message.ids, limit + 1)
        found = [ResourceProperties.model_validate(row) for row in rows[:limit]]
        return PropertiesPage(resources=found, more=len(rows) > limit)
