"""A project's usage of its limits."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.db.usage import usage
from stackwire.image.domain.usage import Name, Unified


class UsageReport:
    """Source: ``glance/api/v2/discovery.py: InfoController.get_usage``."""

    def __init__(self, database: Database, unified: Unified) -> None:
        self._database = database
        self._unified = unified

    async def for_caller(self, ctx: RequestContext) -> dict[Name, dict[str, int]]:
        """By the limits' names: ``usage`` and ``limit``, which is -1 where there is none."""
        async with self._database.read() as session:
            used = await usage(session, ctx.project_id)
        return {
            name: {"usage": number, "limit": self._unified.limit(ctx.project_id, name)}
            for name, number in used.by_name().items()
        }
