"""What was done to a server, and what its hosts did about it."""

from stackwire.compute.db import instance_actions
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors import ActionNotFound
from stackwire.compute.domain.model import Action
from stackwire.compute.domain.requests import ListActionsRequest
from stackwire.compute.domain.server import ActionDetails
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest


class InstanceActions(ApiFlow):
    """``nova/compute/api.py: InstanceActionAPI``."""

    async def list_page(
        self, ctx: RequestContext, uuid: str, request: ListActionsRequest, *, deleted: bool
    ) -> list[Action]:
        """Newest first; BadRequest for a marker that is no request of the server."""
        await self._deps.find(ctx, uuid, policy.ACTIONS, deleted=deleted)
        async with self._deps.database.read() as session:
            marker = None
            if request.marker is not None:
                marker = await instance_actions.get(session, uuid, request.marker)
                if marker is None:
                    raise BadRequest(f"marker [{request.marker[:100]}] not found")
            return await instance_actions.list_page(session, uuid, request, marker)

    async def get(self, ctx: RequestContext, uuid: str, request_id: str, *, deleted: bool) -> ActionDetails:
        """The action of that request with its events; ActionNotFound."""
        server = await self._deps.find(ctx, uuid, policy.ACTIONS, deleted=deleted)
        async with self._deps.database.read() as session:
            action = await instance_actions.get(session, uuid, request_id)
            if action is None:
                raise ActionNotFound(request_id=request_id, instance_id=uuid)
            events = await instance_actions.list_events(session, action.id)
        return ActionDetails(
            action=action,
            events=tuple(events),
            server_project_id=server.instance.project_id,
            event_details=self._deps.policy.allows(ctx, policy.ACTION_EVENTS_DETAILS),
        )
