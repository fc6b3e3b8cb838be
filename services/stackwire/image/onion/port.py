"""The verbs every layer knows.

Reads take a session, writes a unit of work; ``store`` and ``fill`` alone touch bytes, and no row.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.images import Written
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import ImportWish
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import QUEUED, SAVING
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import Ending, Task


class Upload:
    """Bytes on their way in. ``announced``: how many there are said to be; None when nobody says.

    ``into``: the state meanwhile (saving, uploading into staging, importing). ``object_name`` is what they are called
    in the store, ``staged`` in staging; ``store`` is where to, unless the default; ``task`` is the import they belong
    to. ``allowance`` is what the quotas leave, filled in by ``claim``; ``worker`` names this process.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        announced: int | None,
        *,
        worker: str,
        object_name: str = "",
        staged: str | None = None,
        into: str = SAVING,
        task: Task | None = None,
        store: str | None = None,
    ) -> None:
        self.chunks = chunks
        self.announced = announced
        self.worker = worker
        self.object_name = object_name
        self.staged = staged
        self.into = into
        self.task = task
        self.store = store
        self.allowance = 2**63 - 1
        self.reserved = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of several stores is done with: it has the bytes (``written`` are theirs), or not, and ``why``.

    ``left`` are those still to come, ``failed`` those that did not take them. ``counts``: it is read from now on.
    """

    store: str
    left: Sequence[str]
    failed: Sequence[str]
    written: Written | None = None
    why: str | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Ordered:
    """An import that was taken on, and the dead one whose lock it took over."""

    task: Task
    preempted: Task | None = None


class Images(Protocol):
    """The port.

    An upload is ``claim`` (first commit), ``store`` (bytes), then ``activate`` or ``release``; staging is ``claim``,
    ``fill`` (bytes), then ``staged`` or ``release``. An import is ordered, begun, then an upload of what is staged,
    and ended. Bytes for several stores ``approach`` each, and it is ``reached``; ``spread`` is for an image that is
    active already, ``verified`` comes last. ``enter_tasks`` comes before whatever else the tasks API does,
    ``locate`` before locations are looked at or into, by the name of the policy that lets one. What a worker was let do
    by that is ``order_location``; then ``place`` for the image as it becomes, and ``digest`` for what its bytes are.
    """

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image: ...
    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]: ...
    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image: ...
    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image: ...
    async def fill(self, ctx: RequestContext, image: Image, wish: Upload) -> int: ...
    async def staged(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image: ...
    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written: ...
    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image: ...
    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str, to: str = QUEUED) -> bool: ...
    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image: ...
    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None: ...
    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image: ...
    async def spread(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image: ...
    async def approach(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None: ...
    async def reached(self, ctx: RequestContext, uow: UnitOfWork, image: Image, step: Step) -> Image: ...
    async def verified(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def locate(self, ctx: RequestContext, image: Image, rule: str) -> None: ...
    async def order_location(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, task: Task, forget_at: datetime
    ) -> Ordered: ...
    async def place(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image: ...
    async def digest(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None: ...
    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered: ...
    async def enter_tasks(self, ctx: RequestContext) -> None: ...
    async def add_task(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task: ...
    async def task(self, ctx: RequestContext, db: Session, task_id: str) -> Task: ...
    async def task_page(self, ctx: RequestContext, db: Session, query: TaskQuery, limit: int) -> list[Task]: ...
    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str, worker: str) -> Task | None: ...
    async def end(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, ending: Ending, forget_at: datetime
    ) -> Task | None: ...
    async def tasks_of(self, ctx: RequestContext, db: Session, image: Image) -> list[Task]: ...
    async def forget(self, ctx: RequestContext, uow: UnitOfWork, most: int) -> list[Task]: ...
    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]: ...
    async def memberships(self, ctx: RequestContext, db: Session, member: str) -> list[Member]: ...
    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...
    async def set_member(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str
    ) -> Member: ...
    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...


class Layer:
    """Hands everything on to the layer inside; a subclass overrides only what it minds."""

    def __init__(self, inner: Images) -> None:
        self.inner = inner

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await self.inner.get(ctx, db, image_id)

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        return await self.inner.page(ctx, db, query, limit)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await self.inner.update(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.inner.delete(ctx, uow, image)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        return await self.inner.claim(ctx, uow, image, wish)

    async def fill(self, ctx: RequestContext, image: Image, wish: Upload) -> int:
        return await self.inner.fill(ctx, image, wish)

    async def staged(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        return await self.inner.staged(ctx, uow, image, size)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        return await self.inner.store(ctx, image, wish)

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        return await self.inner.activate(ctx, uow, image, written)

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str, to: str = QUEUED) -> bool:
        return await self.inner.release(ctx, uow, image, why, to)

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await self.inner.download(ctx, db, image_id)

    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        return await self.inner.leave(ctx, uow, image, store)

    async def spread(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image:
        return await self.inner.spread(ctx, uow, image, stores)

    async def approach(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None:
        await self.inner.approach(ctx, uow, image, store)

    async def reached(self, ctx: RequestContext, uow: UnitOfWork, image: Image, step: Step) -> Image:
        return await self.inner.reached(ctx, uow, image, step)

    async def verified(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.inner.verified(ctx, uow, image)

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        await self.inner.sent(ctx, uow, image, sent, expected)

    async def locate(self, ctx: RequestContext, image: Image, rule: str) -> None:
        await self.inner.locate(ctx, image, rule)

    async def order_location(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, task: Task, forget_at: datetime
    ) -> Ordered:
        return await self.inner.order_location(ctx, uow, image, task, forget_at)

    async def place(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await self.inner.place(ctx, uow, before, after)

    async def digest(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None:
        return await self.inner.digest(ctx, uow, image, digests)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        return await self.inner.order(ctx, uow, image, wish, task, forget_at)

    async def enter_tasks(self, ctx: RequestContext) -> None:
        await self.inner.enter_tasks(ctx)

    async def add_task(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task:
        return await self.inner.add_task(ctx, uow, task)

    async def task(self, ctx: RequestContext, db: Session, task_id: str) -> Task:
        return await self.inner.task(ctx, db, task_id)

    async def task_page(self, ctx: RequestContext, db: Session, query: TaskQuery, limit: int) -> list[Task]:
        return await self.inner.task_page(ctx, db, query, limit)

    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str, worker: str) -> Task | None:
        return await self.inner.begin(ctx, uow, task_id, worker)

    async def end(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, ending: Ending, forget_at: datetime
    ) -> Task | None:
        return await self.inner.end(ctx, uow, task, ending, forget_at)

    async def tasks_of(self, ctx: RequestContext, db: Session, image: Image) -> list[Task]:
        return await self.inner.tasks_of(ctx, db, image)

    async def forget(self, ctx: RequestContext, uow: UnitOfWork, most: int) -> list[Task]:
        return await self.inner.forget(ctx, uow, most)

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        return await self.inner.members(ctx, db, image)

    async def memberships(self, ctx: RequestContext, db: Session, member: str) -> list[Member]:
        return await self.inner.memberships(ctx, db, member)

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.inner.add_member(ctx, uow, image, member)

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        return await self.inner.set_member(ctx, uow, image, member, status)

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.inner.remove_member(ctx, uow, image, member)
