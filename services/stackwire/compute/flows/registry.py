"""The flows behind the API, over one set of dependencies."""

from dataclasses import dataclass
from typing import Self

from stackwire.compute.flows.api.create_image import CreateImage
from stackwire.compute.flows.api.create_server import CreateServer
from stackwire.compute.flows.api.delete_server import DeleteServer
from stackwire.compute.flows.api.external_events import ExternalEvents
from stackwire.compute.flows.api.flavors import Flavors
from stackwire.compute.flows.api.hosts import Hosts
from stackwire.compute.flows.api.instance_actions import InstanceActions
from stackwire.compute.flows.api.keypairs import Keypairs
from stackwire.compute.flows.api.lock_server import LockServer
from stackwire.compute.flows.api.quotas import Quotas
from stackwire.compute.flows.api.rebuild_server import RebuildServer
from stackwire.compute.flows.api.server_actions import ServerActions
from stackwire.compute.flows.api.server_metadata import ServerMetadata, ServerTags
from stackwire.compute.flows.api.servers import ServerQueries, UpdateServer
from stackwire.compute.flows.api.volume_attachments import VolumeAttachments
from stackwire.compute.flows.deps import ApiDeps


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFlows:
    """One flow for each noun or verb of the API; the handlers take those they call."""

    servers: ServerQueries
    create_server: CreateServer
    update_server: UpdateServer
    rebuild_server: RebuildServer
    delete_server: DeleteServer
    lock_server: LockServer
    create_image: CreateImage
    server_actions: ServerActions
    server_metadata: ServerMetadata
    server_tags: ServerTags
    instance_actions: InstanceActions
    volume_attachments: VolumeAttachments
    flavors: Flavors
    keypairs: Keypairs
    quotas: Quotas
    hosts: Hosts
    external_events: ExternalEvents

    @classmethod
    def build(cls, deps: ApiDeps) -> Self:
        """Each flow with the same dependencies."""
        return cls(
            servers=ServerQueries(deps),
            create_server=CreateServer(deps),
            update_server=UpdateServer(deps),
            rebuild_server=RebuildServer(deps),
            delete_server=DeleteServer(deps),
            lock_server=LockServer(deps),
            create_image=CreateImage(deps),
            server_actions=ServerActions(deps),
            server_metadata=ServerMetadata(deps),
            server_tags=ServerTags(deps),
            instance_actions=InstanceActions(deps),
            volume_attachments=VolumeAttachments(deps),
            flavors=Flavors(deps),
            keypairs=Keypairs(deps),
            quotas=Quotas(deps),
            hosts=Hosts(deps),
            external_events=ExternalEvents(deps),
        )
