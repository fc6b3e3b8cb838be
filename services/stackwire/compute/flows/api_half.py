"""The API half of the service: its flows over one set of tools."""

from dataclasses import dataclass
from typing import Self

from stackwire.compute.flows.api_actions import Actions
from stackwire.compute.flows.api_attach import Attachments
from stackwire.compute.flows.api_cloud import Cloud
from stackwire.compute.flows.api_create import Create
from stackwire.compute.flows.api_parts import Tools
from stackwire.compute.flows.api_rebuild import Rebuild
from stackwire.compute.flows.api_servers import Servers
from stackwire.compute.flows.api_snapshot import Snapshot
from stackwire.compute.flows.flavors import Flavors
from stackwire.compute.flows.keypairs import Keypairs
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
    def over(cls, tools: Tools) -> Self:
        return cls(
            policy=tools.policy,
            behaviours=tools.behaviours,
            servers=Servers(tools),
            create=Create(tools),
            rebuild=Rebuild(tools),
            snapshot=Snapshot(tools),
            actions=Actions(tools),
            attachments=Attachments(tools),
            flavors=Flavors(tools),
            keypairs=Keypairs(tools),
            cloud=Cloud(tools),
        )
