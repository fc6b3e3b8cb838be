"""restore: a server whose deletion was put off is taken back. ``nova/compute/api.py: restore``."""

from stackwire.compute.db import instance_actions, quotas
from stackwire.compute.domain import policy
from stackwire.compute.domain.quotas import check as check_quotas
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.compute_set_aside import RestoreInstance
from stackwire.core.context import RequestContext

VERB = "restore"


class RestoreServer(ApiFlow):
    """It counts against the quotas of its project again, which must have room for it."""

    async def request_restore(self, ctx: RequestContext, uuid: str) -> None:
        """TooManyInstances (403) where there is no room."""
        server = await self._deps.find(ctx, uuid, policy.RESTORE)
        verb, host, flavor = check_allowed(ctx, server, VERB), require_host(server), server.flavor
        project_id = server.instance.project_id
        needs = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.memory_mb}
        async with self._deps.database.work(ctx) as uow:
            await quotas.lock(uow, project_id)
            check_quotas(await quotas.scopes(uow, project_id, server.instance.user_id), needs)
            after = await claim(uow, server, verb, deleted_at=None)
            await instance_actions.start(uow, ctx, uuid, VERB)
            self._deps.announce(uow, server, after)
            uow.cast(RestoreInstance(instance=instance_object(after)), server=host)
