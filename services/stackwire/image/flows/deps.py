"""The constructor arguments that all flows share, and what several of them do with these."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.policy import Policy
from stackwire.db.leases import Leases
from stackwire.db.pool import Database
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.domain.tasks import Task
from stackwire.image.onion.port import Onion


class Transactions(Protocol):
    """The database, or what stands for it where each verb of the onion is a transaction of glance-registry's."""

    def work(self, ctx: RequestContext) -> AbstractAsyncContextManager[Any]: ...
    def read(self) -> AbstractAsyncContextManager[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDeps:
    """``visibility``: of a new image whose request names none. ``task_lifetime``: of a task after its end.

    ``default_page_size`` and ``max_page_size``: images or tasks in one page of a list. ``elsewhere``: in place of the
    database where ``onion`` reaches images through glance-registry.
    """

    database: Database
    onion: Onion
    stores: Stores
    staging: Staging
    web: Web
    leases: Leases
    policy: Policy
    visibility: str
    task_lifetime: timedelta
    default_page_size: int
    max_page_size: int
    elsewhere: Transactions | None = None

    @property
    def images(self) -> Transactions:
        """Transactions for the verbs of images, their data and members."""
        return self.database if self.elsewhere is None else self.elsewhere

    def page_size(self, requested: int | None) -> int:
        """The limit of a list, unless the request gives a lower one than the service allows."""
        return min(self.default_page_size if requested is None else requested, self.max_page_size)

    def new_task(
        self, ctx: RequestContext, now: datetime, task_type: str, input: Mapping[str, Any], image_id: str | None
    ) -> Task:
        """A pending task of the caller."""
        return Task(
            id=new_id("task"),
            type=task_type,
            owner=ctx.project_id,
            image_id=image_id,
            request_id=ctx.request_id,
            user_id=ctx.user_id,
            input=input,
            created_at=now,
            updated_at=now,
        )
