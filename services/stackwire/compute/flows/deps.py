"""What the API's flows share: their dependencies, a server for a caller, the check of its state, its announcement."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from stackwire.compute.backends.images import Images
from stackwire.compute.db import instances
from stackwire.compute.domain.errors import InstanceInvalidState, InstanceIsLocked, InstanceNotReady
from stackwire.compute.domain.model import Instance
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.signature_policy import SignaturePolicy
from stackwire.compute.domain.states import API_VERBS, ServerVerb
from stackwire.compute.flows.notifications import Notifications
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.ids import new_id
from stackwire.core.policy import Policy
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.http.projects import Projects
from stackwire.messaging.rpc import RpcClient

log = logging.getLogger("stackwire.compute")


class Announcer(Protocol):
    """Emits in both formats that a server changed: ``compute.instance.update`` and ``instance.update``."""

    def __call__(self, uow: UnitOfWork, before: Server, after: Server) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDeps:
    """The constructor arguments of all flows. ``pick`` chooses a character, ``make_id`` makes a noun's uuid."""

    database: Database
    leases: Leases
    rpc: RpcClient
    images: Images
    projects: Projects
    policy: Policy
    behaviours: Behaviours
    announce: Announcer
    notifications: Notifications
    pick: Callable[[str], str]
    make_id: Callable[[str], str] = new_id
    zone: str = "nova"
    reclaim_instance_interval: int = 0
    resize_to_same_host: bool = False
    signatures: SignaturePolicy = field(default_factory=SignaturePolicy)

    async def find(self, ctx: RequestContext, uuid: str, rule: str, *, deleted: bool = False) -> Server:
        """InstanceNotFound for a server that the caller cannot see, 403 when the rule does not allow the operation."""
        async with self.database.read() as session:
            server = await instances.find(session, ctx, uuid, deleted=deleted)
        self.policy.require(ctx, rule, {"project_id": server.instance.project_id, "user_id": server.instance.user_id})
        return server

    async def require_project(self, ctx: RequestContext, project_id: str) -> None:
        """BadRequest when there is no such project. Whoever may not know, or gets no answer from identity, is believed
        (``nova/api/openstack/identity.py: verify_project_id``)."""
        try:
            exists = await self.projects.exists(ctx, project_id)
        except ServiceError as unknown:
            log.info("identity does not tell whether project %r exists: %s", project_id, unknown.status)
            return
        if not exists:
            raise BadRequest(f"Project ID {project_id} is not a valid project.")

    async def announce_read(self, uow: UnitOfWork, before: Server, service: str = "compute") -> None:
        """Announces the server as it is in the database now."""
        after = await instances.by_uuid(uow, before.uuid)
        if after is not None:
            self.notifications.emit_update(uow, before, after, service)


class ApiFlow:
    """A flow of the API."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps


def check_allowed(ctx: RequestContext, server: Server, name: str) -> ServerVerb:
    """The verb of the API action, when the server's state and lock allow it; a Conflict otherwise."""
    verb, instance = API_VERBS.get(name) or API_VERBS[name.removeprefix("os-")], server.instance
    if instance.locked and not verb.locked and not ctx.is_admin:
        raise InstanceIsLocked(instance_id=instance.uuid)
    if not verb.allows(vm_state=instance.vm_state):
        raise invalid_state(verb, instance, "vm_state")
    if not verb.allows(task_state=instance.task_state):
        raise invalid_state(verb, instance, "task_state")
    if verb.launched and instance.launched_at is None:
        raise InstanceInvalidState(f"Instance {instance.uuid} is in an invalid state for '{verb.action}'")
    return verb


def invalid_state(verb: ServerVerb, server: Instance, attr: str) -> InstanceInvalidState:
    """``attr``: the state column that does not allow the verb."""
    return InstanceInvalidState(action=verb.action, instance_id=server.uuid, attr=attr, state=getattr(server, attr))


async def claim(uow: UnitOfWork, server: Server, verb: ServerVerb, **changes: Any) -> Server:
    """The server in the verb's task state; a Conflict when its state has changed since it was checked."""
    claimed = await transition(uow, instances.TABLE, verb, server.uuid, **changes)
    if claimed is None:
        raise InstanceInvalidState(f"Cannot '{verb.action}' instance {server.uuid}: its state has changed meanwhile")
    return server.with_instance(claimed)


def require_host(server: Server) -> str:
    """The host that the server is on; InstanceNotReady for one that was never scheduled."""
    if server.instance.host is None:
        raise InstanceNotReady(instance_id=server.uuid)
    return server.instance.host
