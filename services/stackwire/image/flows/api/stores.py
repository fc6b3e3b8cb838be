"""The stores there are. Source: ``glance/api/v2/discovery.py: InfoController``."""

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.errors import ImageForbidden
from stackwire.image.domain.stores import StoreDetails


class StoreQueries:
    def __init__(self, stores: Stores, policy: Policy) -> None:
        self._stores = stores
        self._policy = policy

    @property
    def ids(self) -> list[str]:
        return self._stores.enabled

    def list_all(self) -> list[StoreDetails]:
        """For everybody, who is not shown the operator's settings."""
        return [self._stores.details(name) for name in self._stores.enabled]

    def list_details(self, ctx: RequestContext) -> list[StoreDetails]:
        """For administrators. Errors: ImageForbidden."""
        self._policy.require(ctx, "stores_info_detail", {"project_id": ctx.project_id or ""}, ImageForbidden)
        return self.list_all()
