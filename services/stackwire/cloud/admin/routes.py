"""Every route of the admin port, as one table."""

from collections.abc import Mapping, Sequence

from stackwire.cloud.admin.clock import clock_routes
from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.faults import fault_routes
from stackwire.cloud.admin.health import health_routes, in_process, over_http
from stackwire.cloud.admin.messages import message_routes
from stackwire.cloud.admin.openapi import document_route
from stackwire.cloud.admin.pace import pace_routes
from stackwire.cloud.admin.refusals import refusal_route
from stackwire.cloud.admin.route import AdminRoute
from stackwire.cloud.admin.settle import settle_routes
from stackwire.cloud.admin.states import state_routes
from stackwire.core.faults import FaultRules


def routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """Of a cloud in one process, by what they are about."""
    groups = (settle_routes, state_routes, clock_routes, pace_routes, message_routes)
    first = (*health_routes(in_process(deps.cloud)), *fault_routes(deps.faults))
    return with_document([*first, *(route for routes_of in groups for route in routes_of(deps))])


def routes_of_processes(faults: FaultRules, urls: Mapping[str, str]) -> Sequence[AdminRoute]:
    """Those that reach services in processes of their own."""
    return with_document([*health_routes(over_http(urls)), *fault_routes(faults)])


def with_refusals(table: Sequence[AdminRoute]) -> Sequence[AdminRoute]:
    """These, and what says that the others need the services in one process."""
    return [*table, refusal_route()]


def with_document(table: Sequence[AdminRoute]) -> Sequence[AdminRoute]:
    """These, and what describes them."""
    return [*table, document_route(table)]
