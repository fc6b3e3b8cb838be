"""The default volume types of projects, for administrators."""

from stackwire.contracts.volume import VolumeTypeNotFound
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.volume.db import default_types, volume_types
from stackwire.volume.domain.errors import ProjectNotFound, VolumeTypeProjectDefaultNotFound
from stackwire.volume.domain.model import DefaultType, VolumeType
from stackwire.volume.flows.deps import Flow

_RULE = "volume_extension:default_"


class DefaultTypes(Flow):
    """``cinder/api/v3/default_types.py``. Of projects that there are (``validate_project_and_authorize``): else
    ProjectNotFound; 503 when identity does not answer, where Cinder fails."""

    async def get(self, ctx: RequestContext, project_id: str) -> DefaultType:
        """VolumeTypeProjectDefaultNotFound."""
        self._deps.require(ctx, _RULE + "get")
        await self._require_project(ctx, project_id)
        async with self._deps.database.read() as session:
            found = await default_types.TABLE.get(session, project_id)
        if found is None:
            raise VolumeTypeProjectDefaultNotFound(project_id=project_id)
        return found

    async def get_own(self, ctx: RequestContext) -> VolumeType:
        """The type that the caller's volumes have when none is named. VolumeTypeNotFound."""
        async with self._deps.database.read() as session:
            return await default_types.find(session, ctx)

    async def list_all(self, ctx: RequestContext) -> list[DefaultType]:
        self._deps.require(ctx, _RULE + "get_all")
        async with self._deps.database.read() as session:
            return await default_types.TABLE.find(session)

    async def set(self, ctx: RequestContext, project_id: str, reference: str) -> DefaultType:
        """``reference``: a type's id or name; BadRequest where there is none."""
        self._deps.require(ctx, _RULE + "set_or_update")
        await self._require_project(ctx, project_id)
        async with self._deps.database.work(ctx) as uow:
            try:
                volume_type = await volume_types.find(uow, ctx, reference)
            except VolumeTypeNotFound as unknown:
                raise BadRequest(f"Volume type with name {reference} could not be found.") from unknown
            default = DefaultType(project_id=project_id, volume_type_id=volume_type.id)
            await default_types.put(uow, default)
            return default

    async def unset(self, ctx: RequestContext, project_id: str) -> None:
        """Everybody's default is the project's again; also that of a project which is gone."""
        self._deps.require(ctx, _RULE + "unset")
        async with self._deps.database.work(ctx) as uow:
            await default_types.TABLE.delete(uow, project_id)

    async def _require_project(self, ctx: RequestContext, project_id: str) -> None:
        if not await self._deps.projects.exists(ctx, project_id):
            raise ProjectNotFound(project_id=project_id)
