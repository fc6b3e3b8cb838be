"""What the API's flows share: finding a server for a caller, judging its state, speaking of changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from stackwire.compute.backends.images import Images
from stackwire.compute.db import instances
from stackwire.compute.domain.errors import InstanceInvalidState, InstanceIsLocked
from stackwire.compute.domain.model import Instance
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import API_VERBS, ServerVerb
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict
from stackwire.core.ids import new_id
from stackwire.core.policy import Policy
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.messaging.rpc import RpcClient


class Announcer(Protocol):
    """Says in both formats that a server changed: ``compute.instance.update`` and ``instance.update``."""

    def __call__(self, uow: UnitOfWork, before: Server, after: Server) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDeps:
    """What every flow of the API works with. ``pick`` draws a character, ``make_id`` a uuid."""

    database: Database
    rpc: RpcClient
    images: Images
    policy: Policy
    behaviours: Behaviours
    announce: Announcer
    pick: Callable[[str], str]
    make_id: Callable[[], str] = new_id
    zone: str = "nova"

    async def find(self, ctx: RequestContext, uuid: str, rule: str) -> Server:
        """A server the caller may see (404), when the rule allows it to be touched (403)."""
        async with self.database.read() as session:
            server = await instances.find(session, ctx, uuid)
        self.policy.require(ctx, rule, {"project_id": server.instance.project_id, "user_id": server.instance.user_id})
        return server


def check_allowed(ctx: RequestContext, server: Server, name: str) -> ServerVerb:
    """The verb of the API action, when the server's state and lock allow it; a Conflict otherwise."""
    verb, instance = API_VERBS[name.removeprefix("os-")], server.instance
    if instance.locked and not verb.locked and not ctx.is_admin:
        raise InstanceIsLocked(instance_id=instance.uuid)
    if not verb.allows(vm_state=instance.vm_state):
        raise invalid_state(verb, instance, "vm_state")
    if not verb.allows(task_state=instance.task_state):
        raise invalid_state(verb, instance, "task_state")
    if verb.launched and instance.launched_at is None:
        raise InstanceInvalidState(f"Cannot '{verb.action}' instance {instance.uuid} before it was launched")
    return verb


def invalid_state(verb: ServerVerb, server: Instance, attr: str) -> InstanceInvalidState:
    """``attr``: the state column that does not allow the verb."""
    return InstanceInvalidState(action=verb.action, instance_id=server.uuid, attr=attr, state=getattr(server, attr))


async def claim(uow: UnitOfWork, server: Server, verb: ServerVerb, **changes: Any) -> Server:
    """Moves the server into the verb's task state, unless somebody was quicker: then a Conflict."""
    moved = await transition(uow, instances.TABLE, verb, server.uuid, **changes)
    if moved is None:
        raise InstanceInvalidState(f"Cannot '{verb.action}' instance {server.uuid}: its state has changed meanwhile")
    return server.with_instance(moved)


def host_of(server: Server, name: str) -> str:
    """The host the server is on; a Conflict for one that never got there."""
    if server.instance.host is None:
        raise Conflict(f"Cannot '{name}' instance {server.uuid}: it is on no host")
    return server.instance.host
