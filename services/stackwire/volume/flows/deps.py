"""The constructor arguments all flows share, and what several of them do with these."""

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from stackwire.contracts.base import Call, Cast
from stackwire.contracts.volume_workers import HOST, topic_of
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.core.policy import Policy
from stackwire.core.states import Verb
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.table import Table
from stackwire.db.transitions import transition
from stackwire.disk_image.certificates import Certificates
from stackwire.http.projects import Projects
from stackwire.messaging.rpc import RpcClient
from stackwire.volume.backends.backup_chunks import ChunkedStore
from stackwire.volume.backends.files import FileStore
from stackwire.volume.backends.images import ImageClient
from stackwire.volume.db import quotas
from stackwire.volume.domain.backends import Backends
from stackwire.volume.domain.errors import (
    BackupLimitExceeded,
    BackupSizeExceedsQuota,
    SizeExceedsQuota,
    SnapshotLimitExceeded,
    VolumeLimitExceeded,
)
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.scheduling import Chooser

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = logging.getLogger("stackwire.volume")
M = TypeVar("M", bound="DataclassInstance")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeDeps:
    """``stores``: the files of each back end, by its name. ``zone``: of volumes for which none is requested.
    ``single_process``: no other process can be at work on the rows. ``internal_tenant``: project and user whose the
    volumes of the image-volume cache are; None where that is not used."""

    database: Database
    rpc: RpcClient
    images: ImageClient
    projects: Projects
    certificates: Certificates
    backends: Backends
    stores: Mapping[str, FileStore]
    chooser: Chooser
    backup_store: ChunkedStore
    policy: Policy
    behaviours: Behaviours
    zone: str
    leases: Leases
    single_process: bool
    internal_tenant: tuple[str, str] | None = None
    locks: KeyedLocks = field(default_factory=KeyedLocks)

    def store(self, host: str | None) -> FileStore:
        """The files of the back end that a volume with this host is on."""
        return self.stores[self.backends.of(host).name]

    def service_uuid(self, host: str | None) -> str:
        """The id of the service of that back end: the same in every process that serves it."""
        backend = self.backends.of(host)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stackwire:{backend.host}#{backend.name}"))

    def require(self, ctx: RequestContext, rule: str, project_id: str | None = None) -> None:
        """403 unless the rule allows it; ``project_id``: the owner of the resource, the caller's own when None."""
        if not ctx.is_admin and not ctx.project_id:
            raise BadRequest("This request needs a token that is scoped to a project.")
        self.policy.require(ctx, rule, {"project_id": project_id or ctx.project_id or ""})

    @contextlib.asynccontextmanager
    async def hold(self, ctx: RequestContext, table: Table[M], key: str, verb: Verb) -> AsyncIterator[M | None]:
        """The row, on which nobody else works until the block ends, if ``verb`` (which ends the work) may start from
        its state; None otherwise: the message was delivered twice, or the state was changed by force."""
        (column,) = verb.machine.columns
        async with self.hold_where(ctx, table, key, **{column: verb.sources[column]}) as row:
            yield row

    @contextlib.asynccontextmanager
    async def hold_where(self, ctx: RequestContext, table: Table[M], key: str, **where: Any) -> AsyncIterator[M | None]:
        """The same for a row that meets each ``column=value``."""
        assert table.states is not None
        resource = table.states.noun
        async with self.locks.exclusive((resource, key)), self.leases.hold(ctx, resource, key) as held:
            async with self.database.read() as session:
                row = await table.get(session, key, **where) if held else None
            yield row

    async def transition(
        self,
        uow: UnitOfWork,
        table: Table[M],
        verb: Verb,
        key: str,
        *,
        where: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> M | None:
        """A transition with which work begins or ends: whoever held the row's lease loses it with the transaction."""
        row = await transition(uow, table, verb, key, where=where, **changes)
        if row is not None:
            await self.leases.revoke(uow, verb.machine.noun, key)
        return row

    async def reserve_quota(self, uow: UnitOfWork, project: str, **amounts: int) -> None:
        """Counts the amounts up; when that exceeds a limit, nothing is counted: 413 by the first limit's name
        (``cinder/quota_utils.py: process_reserve_over_quota``)."""
        limits = await quotas.reserve(uow, project, amounts)
        if limits is None:
            return
        used = await quotas.used(uow, project)
        size, too_large = (
            ("backup_gigabytes", BackupSizeExceedsQuota) if "backups" in amounts else ("gigabytes", SizeExceedsQuota)
        )
        if 0 <= limits[size] < used[size] + amounts[size]:
            raise too_large(requested=amounts[size], quota=limits[size], consumed=max(0, used[size]))
        if "backups" in amounts:
            raise BackupLimitExceeded(allowed=limits["backups"])
        if "volumes" in amounts:
            raise VolumeLimitExceeded(allowed=limits["volumes"])
        raise SnapshotLimitExceeded(allowed=limits["snapshots"])


class Flow:
    """What the service does for one kind of request or message, with the dependencies all flows share."""

    def __init__(self, deps: VolumeDeps) -> None:
        self._deps = deps


def to_backend(uow: UnitOfWork, message: Cast, host: str | None) -> None:
    """Sends the message to the daemon of the back end that a volume with this host is on."""
    uow.cast(message, server=HOST, topic=topic_of(host))


async def call_backend(deps: VolumeDeps, ctx: RequestContext, message: Call[R], host: str | None) -> R:
    """The answer of the daemon of the back end that a volume with this host is on."""
    return await deps.rpc.call(ctx, message, server=HOST, topic=topic_of(host))


def log_failure(text: str, resource_id: str, error: Exception) -> str:
    """Logs why an operation on the resource (``%s`` in ``text``) failed; the reason that its user may read."""
    expected = isinstance(error, ServiceError)
    log.warning(f"{text}: %s", resource_id, error, exc_info=not expected)
    return error.message if isinstance(error, ServiceError) else "Unexpected failure."


def backup_file(backup_id: str) -> str:
    """The name of the copy of a volume in use from which its backup is made."""
    return f"backup-{backup_id}"


def volume_file(volume: Volume) -> str:
    """The name of a volume's file in its back end: a migrated volume has that of the copy."""
    return f"volume-{volume.name_id or volume.id}"


def snapshot_file(snapshot_id: str) -> str:
    """The name of a snapshot's file in the back end."""
    return f"snapshot-{snapshot_id}"
