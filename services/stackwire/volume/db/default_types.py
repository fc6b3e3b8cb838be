"""Rows of ``default_volume_types``: at most one for each project."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import volume_types
from stackwire.volume.domain.model import DEFAULT_VOLUME_TYPE, DefaultType, VolumeType

TABLE = Table(DefaultType, "default_volume_types", key="project_id", touch=None)


async def find(session: Session, ctx: RequestContext) -> VolumeType:
    """The type of the caller's new volumes: the project's default, else everybody's; VolumeTypeNotFound where the
    project has no access to its own default (``cinder/volume/volume_types.py: get_default_volume_type``)."""
    default = await TABLE.get(session, ctx.project_id or "")
    if default is None:
        return await volume_types.find(session, ctx, DEFAULT_VOLUME_TYPE)
    return await volume_types.find(session, ctx, default.volume_type_id, by_name=False)


async def put(uow: UnitOfWork, default: DefaultType) -> None:
    """Instead of the one the project has."""
    await uow.execute(
        f"INSERT INTO {TABLE.name} (project_id, volume_type_id) VALUES ($1, $2)"
        " ON CONFLICT (project_id) DO UPDATE SET volume_type_id = excluded.volume_type_id",
        default.project_id,
        default.volume_type_id,
    )
