"""Every route of the admin port, as one table."""

from collections.abc import Sequence

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.faults import fault_routes
from stackwire.cloud.admin.health import health_routes
from stackwire.cloud.admin.route import AdminRoute


def routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """By what they are about."""
    return [*health_routes(deps), *fault_routes(deps)]
