"""The constructor arguments that all flows share."""

from dataclasses import dataclass
from datetime import timedelta

from stackwire.db.leases import Leases
from stackwire.db.pool import Database
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.onion.port import Onion


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDeps:
    """``visibility``: of a new image whose request names none. ``task_lifetime``: of a task after its end.

    ``default_page_size`` and ``max_page_size``: images or tasks in one page of a list.
    """

    database: Database
    onion: Onion
    stores: Stores
    staging: Staging
    web: Web
    leases: Leases
    visibility: str
    task_lifetime: timedelta
    default_page_size: int
    max_page_size: int

    def page_size(self, requested: int | None) -> int:
        """The limit of a list, unless the request gives a lower one than the service allows."""
        return min(self.default_page_size if requested is None else requested, self.max_page_size)
