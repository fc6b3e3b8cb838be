"""os-migrateLive: a running server goes to another host without being switched off."""

from typing import Any

from stackwire.compute.db import hosts, instance_actions
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors import NoValidHost
from stackwire.compute.domain.errors_groups import ComputeHostNotFound
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.requests import LiveMigrateRequest
from stackwire.compute.domain.versioned_objects import destination_object, instance_object, request_spec_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts import compute_moves as moves
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest


class LiveMigrateServer(ApiFlow):
    """``nova/compute/api.py: live_migrate``."""

    async def request(self, ctx: RequestContext, uuid: str, request: LiveMigrateRequest) -> None:
        """To the named host, or to any; what a host refuses is a 400 where the caller waits for it."""
        rule = policy.MIGRATE_LIVE_HOST if request.host else policy.MIGRATE_LIVE
        server = await self._deps.find(ctx, uuid, rule)
        verb = check_allowed(ctx, server, "os-migrateLive")
        require_host(server)
        host = None if request.host is None else await self._host(request.host)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, uuid, "live-migration")
            self._deps.announce(uow, server, after)
            spec = request_spec_object(after, server.request_spec.get("image") or {})
            if host is not None and request.force is False:
                place = destination_object(host.host, host.hypervisor_hostname)
                spec["nova_object.data"]["requested_destination"] = place
            fields: dict[str, Any] = {
                "instance": instance_object(after),
                "scheduler_hint": {"host": None if request.force is False else request.host},
                "block_migration": request.block_migration,
                "disk_over_commit": request.disk_over_commit,
                "request_spec": spec,
            }
            if not request.waits:
                uow.cast(moves.LiveMigrateInstance(**fields))
        if request.waits:
            try:
                await self._deps.rpc.call(ctx, moves.LiveMigrateServer(**fields))
            except NoValidHost as error:
                raise BadRequest(error.message) from None

    async def _host(self, name: str) -> Host:
        async with self._deps.database.read() as session:
            found = await hosts.by_name(session, name)
        if found is None:
            raise BadRequest(ComputeHostNotFound(host=name[:100]).message)
        return found
