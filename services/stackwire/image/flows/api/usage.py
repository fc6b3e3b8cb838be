"""What a project has, against what it may have."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.db import images as rows
from stackwire.image.domain.usage import Name, Unified


class UsageReport:
    def __init__(self, database: Database, unified: Unified) -> None:
        self._database = database
        self._unified = unified

    async def of_caller(self, ctx: RequestContext) -> dict[Name, dict[str, int]]:
        """By the limits' names: ``usage`` and ``limit``, which is -1 where there is none."""
        async with self._database.read() as db:
            had = await rows.usage(db, ctx.project_id)
        return {
            name: {"usage": number, "limit": self._unified.limit(ctx.project_id, name)}
            for name, number in had.shown().items()
        }
