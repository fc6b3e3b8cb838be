"""Every route of the admin port, as one table."""

from collections.abc import Sequence

from stackwire.cloud.admin.clock import clock_routes
from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.faults import fault_routes
from stackwire.cloud.admin.health import health_routes
from stackwire.cloud.admin.messages import message_routes
from stackwire.cloud.admin.pace import pace_routes
from stackwire.cloud.admin.route import AdminRoute
from stackwire.cloud.admin.settle import settle_routes


def routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """By what they are about."""
    groups = (health_routes, settle_routes, fault_routes, clock_routes, pace_routes, message_routes)
    return [route for routes_of in groups for route in routes_of(deps)]
