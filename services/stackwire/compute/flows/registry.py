"""The API half of the service: its flows over one set of deps."""

from dataclasses import dataclass
from typing import Self

from stackwire.compute.flows.api.cloud import Cloud
from stackwire.compute.flows.api.create_image import Snapshot
from stackwire.compute.flows.api.create_server import Create
from stackwire.compute.flows.api.flavors import Flavors
from stackwire.compute.flows.api.keypairs import Keypairs
from stackwire.compute.flows.api.rebuild_server import Rebuild
from stackwire.compute.flows.api.server_actions import Actions
from stackwire.compute.flows.api.servers import Servers
from stackwire.compute.flows.api.volume_attachments import Attachments
from stackwire.compute.flows.deps import ApiDeps
from stackwire.core.behaviours import Behaviours
from stackwire.core.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    policy: Policy
    behaviours: Behaviours
    servers: Servers
    create: Create
    rebuild: Rebuild
    snapshot: Snapshot
    actions: Actions
    attachments: Attachments
    flavors: Flavors
    keypairs: Keypairs
    cloud: Cloud

    @classmethod
    def over(cls, deps: ApiDeps) -> Self:
        return cls(
            policy=deps.policy,
            behaviours=deps.behaviours,
            servers=Servers(deps),
            create=Create(deps),
            rebuild=Rebuild(deps),
            snapshot=Snapshot(deps),
            actions=Actions(deps),
            attachments=Attachments(deps),
            flavors=Flavors(deps),
            keypairs=Keypairs(deps),
            cloud=Cloud(deps),
        )
