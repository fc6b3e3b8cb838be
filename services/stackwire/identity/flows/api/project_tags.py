"""The tags of a project. Source: ``keystone/resource/core.py: update_project_tags``."""

from collections.abc import Callable, Sequence

from stackwire.core.context import RequestContext
from stackwire.identity.db import entities
from stackwire.identity.domain.entities import PROJECT
from stackwire.identity.domain.errors import EntityNotFound
from stackwire.identity.domain.requests import EntityRequest
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.flows.deps import IdentityDeps


class ProjectTags:
    """Reads and changes tags; EntityNotFound for an unknown project or tag."""

    def __init__(self, deps: IdentityDeps, directory: Directory) -> None:
        self._deps = deps
        self._directory = directory

    async def list_tags(self, ctx: RequestContext, project_id: str) -> list[str]:
        """All tags of a project."""
        tags: list[str] = (await self._directory.get_entity(ctx, PROJECT, project_id))["tags"]
        return tags

    async def check_tag(self, ctx: RequestContext, project_id: str, tag: str) -> None:
        """EntityNotFound unless the project has the tag."""
        _require_tag(await self.list_tags(ctx, project_id), tag)

    async def replace_tags(self, ctx: RequestContext, project_id: str, tags: Sequence[str]) -> list[str]:
        """Sets the tags to these; returns them in order."""
        return await self._change(ctx, project_id, lambda _: sorted(set(tags)))

    async def add_tag(self, ctx: RequestContext, project_id: str, tag: str) -> None:
        """Does nothing for a tag the project has."""
        await self._change(ctx, project_id, lambda tags: sorted({*tags, tag}))

    async def remove_tag(self, ctx: RequestContext, project_id: str, tag: str) -> None:
        """EntityNotFound unless the project has the tag."""
        await self._change(ctx, project_id, lambda tags: [kept for kept in _require_tag(tags, tag) if kept != tag])

    async def _change(
        self, ctx: RequestContext, project_id: str, change: Callable[[list[str]], list[str]]
    ) -> list[str]:
        self._deps.check_allowed(ctx, "update_project")
        async with self._deps.database.work(ctx) as uow:
            row = await entities.get(uow, PROJECT, project_id, lock=True)
            if row is None:
                raise EntityNotFound(entity="project", id=project_id)
            tags = change(row["tags"])
            await entities.update(uow, PROJECT, project_id, EntityRequest({"tags": tags}))
            return tags


def _require_tag(tags: list[str], tag: str) -> list[str]:
    if tag not in tags:
        raise EntityNotFound(entity="project tag", id=tag)
    return tags
