"""What an index of properties asks the services: which properties their resources have now, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from stackwire.contracts.base import Call, Contract
from stackwire.contracts.compute import COMPUTE
from stackwire.contracts.image import IMAGE
from stackwire.contracts.volume import VOLUME
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden

IndexedKind = Literal["image", "volume", "snapshot", "server"]
MAX_LIMIT = 1000


class ResourceProperties(Contract):
    """One resource with the properties that it has; ``since``: ISO 8601, when each got its value.

    Of a server these are the ``image_*`` rows of its system metadata, under their names there.
    """

    id: str
    properties: dict[str, str | None]
    since: dict[str, str]


class PropertiesPage(Contract):
    """Resources in the order of their ids; ``more``: whether others follow."""

    resources: list[ResourceProperties]
    more: bool = False

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], limit: int) -> Self:
        """``rows``: those of the page and, where others follow, the first of them."""
        found = [ResourceProperties.model_validate(row) for row in rows[:limit]]
        return cls(resources=found, more=len(rows) > limit)


class _Page(Contract):
    """After ``marker``, at most ``limit``; or those of ``ids``, of which the ones that are gone are left out.

    For services alone: the properties of every project.
    """

    ids: list[str] | None = None
    marker: str = ""
    limit: int = 500

    def limit_for(self, ctx: RequestContext) -> int:
        """How many the caller gets. Forbidden for users."""
        if "service" not in ctx.service_roles:
            raise Forbidden
        return max(1, min(self.limit, MAX_LIMIT))


class ListImageProperties(_Page, Call[PropertiesPage], target=IMAGE, method="list_properties"):
    """Of images that are not deleted, those without properties too."""


class ListVolumeProperties(_Page, Call[PropertiesPage], target=VOLUME, method="list_volume_properties"):
    """Image metadata of volumes."""


class ListSnapshotProperties(_Page, Call[PropertiesPage], target=VOLUME, method="list_snapshot_properties"):
    """Image metadata of snapshots, which no API shows."""


class ListServerProperties(_Page, Call[PropertiesPage], target=COMPUTE, method="list_server_properties"):
    """Of servers that are not deleted."""
