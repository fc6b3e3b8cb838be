"""Clusters of hosts that serve the same back end: there is none, which is what requests about them are answered."""

from typing import NoReturn

from stackwire.core.context import RequestContext
from stackwire.volume.domain.errors import ClusterNotFound
from stackwire.volume.flows.deps import Flow


class Clusters(Flow):
    """``cinder/api/v3/clusters.py``, for administrators."""

    def check_list(self, ctx: RequestContext) -> None:
        """403 for others."""
        self._deps.require(ctx, "clusters:get_all")

    def get(self, ctx: RequestContext, binary: str, name: str) -> NoReturn:
        """ClusterNotFound."""
        self._deps.require(ctx, "clusters:get")
        raise ClusterNotFound(id={"binary": binary, "name": name})

    def update(self, ctx: RequestContext, binary: str | None, name: str) -> NoReturn:
        """ClusterNotFound."""
        self._deps.require(ctx, "clusters:update")
        raise ClusterNotFound(id={"binary": binary, "name": name})
