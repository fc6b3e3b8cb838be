"""What servers use: of a period, and of a host."""

from dataclasses import dataclass
from datetime import datetime

from stackwire.compute.domain.tenant_usage import UsedServer
from stackwire.db.pool import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectClaim:
    """What a project's servers on a host have by their flavors. Memory MiB, disk GiB."""

    project_id: str
    cpu: int
    memory_mb: int
    disk_gb: int

    @property
    def figures(self) -> tuple[int, int, int]:
        return self.cpu, self.memory_mb, self.disk_gb


async def in_window(
    session: Session, start: datetime, stop: datetime, *, project_id: str | None, marker: str | None, limit: int
) -> list[UsedServer] | None:
    """Servers that ran then, oldest first, after the marker; None for a marker that is no such server."""
    found = await session.all(
        UsedServer,
        "SELECT i.id, i.uuid, i.display_name AS name, i.project_id, e.flavor->>'name' AS flavor, i.vcpus, i.memory_mb,"
        " i.root_gb + i.ephemeral_gb AS local_gb, i.vm_state, i.launched_at, i.terminated_at"
        " FROM instances i JOIN instance_extra e ON e.instance_uuid = i.uuid"
        " WHERE i.launched_at < $2 AND (i.terminated_at IS NULL OR i.terminated_at > $1)"
        " AND ($3::text IS NULL OR i.project_id = $3)"
        " AND ($4::text IS NULL OR i.id > (SELECT id FROM instances WHERE uuid = $4)) ORDER BY i.id LIMIT $5",
        start,
        stop,
        project_id,
        marker,
        limit,
    )
    if marker is not None and not await session.rows("SELECT 1 FROM instances WHERE uuid = $1", marker):
        return None
    return found


async def on_host(session: Session, host: str) -> list[ProjectClaim]:
    """One for each project that has servers there."""
    return await session.all(
        ProjectClaim,
        "SELECT project_id, sum(vcpus)::int AS cpu, sum(memory_mb)::int AS memory_mb,"
        " sum(root_gb + ephemeral_gb)::int AS disk_gb FROM instances WHERE host = $1 AND NOT deleted"
        " GROUP BY project_id ORDER BY min(id)",
        host,
    )
