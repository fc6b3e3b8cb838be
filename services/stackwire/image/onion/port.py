"""The onion's five ports, one for each noun, and the values that pass through them.

Reads take a session, writes a unit of work. ``ImageData.write`` and ``write_staging`` alone touch bytes, and no row.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, ImportRequest
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import QUEUED, SAVING
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import Task, TaskOutcome
from stackwire.image.domain.uploads import UNLIMITED_BYTES, Chunk, WrittenData


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes on their way into an image. ``announced``: their number by the client, None if it gave none.

    ``status``: the image's meanwhile (saving, uploading into staging, importing). ``object_name`` is their name in the
    store, ``staged_name`` in staging; ``store``: None is the default one; ``task`` is the import they belong to.
    ``allowance``: bytes the quotas leave; ``reserved``: bytes that count until the upload has ended.
    """

    image: Image
    chunks: AsyncIterator[Chunk] | None = None
    announced: int | None = None
    object_name: str = ""
    staged_name: str | None = None
    status: str = SAVING
    task: Task | None = None
    store: str | None = None
    allowance: int = UNLIMITED_BYTES
    reserved: int = 0

    async def read(self) -> AsyncIterator[Chunk]:
        """The chunks; none where there is no source."""
        if self.chunks is not None:
            async for chunk in self.chunks:
                yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResult:
    """One store of several has been served: it has the bytes (``written``), or it failed for a ``reason``.

    ``remaining``: the stores still to be served; ``failed``: those that did not take the bytes. ``readable``: the copy
    counts as a location of the image from now on.
    """

    store: str
    remaining: Sequence[str]
    failed: Sequence[str]
    written: WrittenData | None = None
    reason: str | None = None
    readable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task that is to lock its image. ``expires_at``: of a dead task that it takes the lock over from.

    ``request``: of an interoperable import.
    """

    image: Image
    task: Task
    expires_at: datetime
    request: ImportRequest | None = None

    @property
    def is_copy(self) -> bool:
        """Whether an image that is active already is copied to more stores."""
        return self.request is not None and self.request.method == COPY


@dataclass(frozen=True, slots=True)
class TaskCreated:
    """A task that holds its image's lock, and the dead one whose lock it took over."""

    task: Task
    preempted: Task | None = None


class Images(Protocol):
    """An image's metadata. Source: ``glance/domain/proxy.py: Repo``."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image: ...
    async def list_page(self, ctx: RequestContext, session: Session, query: Query, limit: int) -> list[Image]: ...
    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image: ...
    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...


class ImageData(Protocol):
    """An image's bytes.

    An upload is ``begin_upload`` (first commit), ``write`` (bytes), then ``finish_upload`` or ``abort``; staging is
    ``begin_upload``, ``write_staging`` (bytes), then ``finish_staging`` or ``abort``.
    """

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: Upload) -> Upload: ...
    async def write(self, ctx: RequestContext, upload: Upload) -> WrittenData: ...
    async def finish_upload(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: WrittenData
    ) -> Image: ...
    async def write_staging(self, ctx: RequestContext, upload: Upload) -> int: ...
    async def finish_staging(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image: ...
    async def abort(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, reason: str, status: str = QUEUED
    ) -> bool: ...
    async def get_for_download(self, ctx: RequestContext, session: Session, image_id: str) -> Image: ...
    async def record_download(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int
    ) -> None: ...


class ImageMembers(Protocol):
    """The projects an image is shared with."""

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Member]: ...
    async def list_for_project(self, ctx: RequestContext, session: Session, member: str) -> list[Member]: ...
    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...
    async def set_status(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str
    ) -> Member: ...
    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...


class ImageLocations(Protocol):
    """Where an image's data is.

    ``check_access`` comes before a URL is resolved, by the policy rule that permits the change. ``create_task`` is for
    a worker to do it, which calls ``set_locations`` for the image as it will be, and ``set_digests``. Of several stores
    each is begun (``begin_store``) and finished (``finish_store``); ``begin_copy`` is for an image that is active.
    ``finish_import`` comes last.
    """

    async def check_access(self, ctx: RequestContext, image: Image, rule: str) -> None: ...
    async def create_task(self, ctx: RequestContext, uow: UnitOfWork, new: NewTask) -> TaskCreated: ...
    async def set_locations(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image: ...
    async def set_digests(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None: ...
    async def remove_from_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image: ...
    async def begin_copy(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image: ...
    async def begin_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None: ...
    async def finish_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, result: StoreResult) -> Image: ...
    async def finish_import(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...


class ImageTasks(Protocol):
    """Tasks. ``check_access`` comes before whatever else the tasks API does; imports have ``create_import``.

    Source: ``glance/domain/proxy.py: TaskRepo``.
    """

    async def check_access(self, ctx: RequestContext) -> None: ...
    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: NewTask) -> TaskCreated: ...
    async def create(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task: ...
    async def get(self, ctx: RequestContext, session: Session, task_id: str) -> Task: ...
    async def list_page(self, ctx: RequestContext, session: Session, query: TaskQuery, limit: int) -> list[Task]: ...
    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Task]: ...
    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str) -> Task | None: ...
    async def finish(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, outcome: TaskOutcome, expires_at: datetime
    ) -> Task | None: ...
    async def expire(self, ctx: RequestContext, uow: UnitOfWork, limit: int) -> list[Task]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Onion:
    """The five ports, each behind its layers."""

    images: Images
    data: ImageData
    members: ImageMembers
    locations: ImageLocations
    tasks: ImageTasks
