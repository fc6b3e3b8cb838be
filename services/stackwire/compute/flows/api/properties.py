"""The properties of every project's servers, page by page, for an index of them."""

from stackwire.compute.db import properties
from stackwire.contracts.properties import ListServerProperties, PropertiesPage, ResourceProperties
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden
from stackwire.db.pool import Database

MAX_LIMIT = 1000


class PropertiesReport:
    """For services alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_properties(self, ctx: RequestContext, message: ListServerProperties) -> PropertiesPage:
        """One page. Forbidden for users."""
        if "service" not in ctx.service_roles:
            raise Forbidden
        limit = max(1, min(message.limit, MAX_LIMIT))
        async with self._database.read() as session:
            rows = await properties.page(session, message.marker, message.ids, limit + 1)
        found = [ResourceProperties.model_validate(row) for row in rows[:limit]]
        return PropertiesPage(resources=found, more=len(rows) > limit)
