"""evacuate: a server whose host is down is built again on another, with its address, its volumes and its name."""

from typing import Any

from stackwire.compute.db import hosts, instance_actions, moves, services
from stackwire.compute.domain import generated_names, policy
from stackwire.compute.domain.errors_moves import ComputeServiceInUse
from stackwire.compute.domain.migration_states import EVACUATION
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.requests import EvacuateRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import STOPPED
from stackwire.compute.domain.versioned_objects import destination_object, instance_object, request_spec_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.compute_workers import RebuildInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound


class EvacuateServer(ApiFlow):
    """``nova/compute/api.py: evacuate``."""

    async def request(self, ctx: RequestContext, uuid: str, request: EvacuateRequest) -> str:
        """The server's password. ComputeServiceInUse while its host is up."""
        server = await self._deps.find(ctx, uuid, policy.EVACUATE)
        host = None if request.host is None else await self._host(request.host)
        if host is not None and host.host == server.instance.host:
            raise BadRequest("The target host can't be the same one.")
        verb = check_allowed(ctx, server, "evacuate")
        await self._require_down(require_host(server))
        password = request.admin_password or generated_names.password(self._deps.pick)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, uuid, "evacuate")
            await moves.insert(
                uow,
                instance_uuid=uuid,
                source_compute=server.instance.host,
                source_node=server.instance.node,
                dest_compute=request.host,
                status="accepted",
                migration_type=EVACUATION,
            )
            self._deps.announce(uow, server, after)
            self._deps.notifications.emit_evacuate(uow, after)
            uow.cast(_message(after, request, host, password))
        return password

    async def _host(self, name: str) -> Host:
        async with self._deps.database.read() as session:
            found = await hosts.by_name(session, name)
        if found is None:
            raise NotFound(f"Compute host {name[:100]} not found.")
        return found

    async def _require_down(self, host: str) -> None:
        async with self._deps.database.read() as session:
            found = await services.list_all(session, host=host, binary=services.COMPUTE_BINARY)
        if any(services.is_up(service, self._deps.database.clock.now()) for service in found):
            raise ComputeServiceInUse(host=host)


def _message(server: Server, request: EvacuateRequest, host: Host | None, password: str) -> RebuildInstance:
    """A host that is not forced is the scheduler's to confirm."""
    spec = request_spec_object(server, server.request_spec.get("image") or {})
    if host is not None and request.force is False:
        spec["nova_object.data"]["requested_destination"] = destination_object(host.host, host.hypervisor_hostname)
    unchanged = ("image_ref", "orig_image_ref", "orig_sys_metadata", "bdms", "injected_files")
    fields: dict[str, Any] = dict.fromkeys(unchanged)
    return RebuildInstance(
        instance=instance_object(server),
        new_pass=password,
        recreate=True,
        on_shared_storage=request.on_shared_storage,
        host=None if request.force is False else request.host,
        request_spec=spec,
        target_state=STOPPED if request.stays_off else None,
        **fields,
    )
