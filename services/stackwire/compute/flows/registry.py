"""The flows behind the API, over one set of dependencies."""

from stackwire.compute.flows.api.aggregates import Aggregates
from stackwire.compute.flows.api.compute_services import ComputeServices
from stackwire.compute.flows.api.consoles import Consoles
from stackwire.compute.flows.api.create_backup import CreateBackup
from stackwire.compute.flows.api.create_image import CreateImage
from stackwire.compute.flows.api.create_server import CreateServer
from stackwire.compute.flows.api.delete_server import DeleteServer
from stackwire.compute.flows.api.evacuate_server import EvacuateServer
from stackwire.compute.flows.api.external_events import ExternalEvents
from stackwire.compute.flows.api.flavors import Flavors
from stackwire.compute.flows.api.guest_requests import GuestRequests
from stackwire.compute.flows.api.hosts import Hosts
from stackwire.compute.flows.api.image_proxies import ImageProxies
from stackwire.compute.flows.api.instance_actions import InstanceActions
from stackwire.compute.flows.api.keypairs import Keypairs
from stackwire.compute.flows.api.live_migrate import LiveMigrateServer
from stackwire.compute.flows.api.lock_server import LockServer
from stackwire.compute.flows.api.migrations import Migrations
from stackwire.compute.flows.api.move_server import MoveServer
from stackwire.compute.flows.api.properties import PropertiesReport
from stackwire.compute.flows.api.quotas import Quotas
from stackwire.compute.flows.api.rebuild_server import RebuildServer
from stackwire.compute.flows.api.rescue_server import RescueServer
from stackwire.compute.flows.api.restore_server import RestoreServer
from stackwire.compute.flows.api.server_actions import ServerActions
from stackwire.compute.flows.api.server_groups import ServerGroups
from stackwire.compute.flows.api.server_metadata import ServerMetadata, ServerTags
from stackwire.compute.flows.api.servers import ServerPassword, ServerQueries, UpdateServer
from stackwire.compute.flows.api.shelve_server import ShelveServer
from stackwire.compute.flows.api.swap_volume import SwapVolume
from stackwire.compute.flows.api.tenant_usage import UsageReports
from stackwire.compute.flows.api.volume_attachments import VolumeAttachments
from stackwire.compute.flows.api.volume_proxies import VolumeProxies
from stackwire.compute.flows.deps import ApiDeps


class ApiFlows:
    """One flow for each noun or verb of the API; the handlers call them."""

    def __init__(self, deps: ApiDeps) -> None:
        self.servers = ServerQueries(deps)
        self.create_server = CreateServer(deps)
        self.update_server = UpdateServer(deps)
        self.rebuild_server = RebuildServer(deps)
        self.delete_server = DeleteServer(deps)
        self.move_server = MoveServer(deps)
        self.live_migrate = LiveMigrateServer(deps)
        self.evacuate_server = EvacuateServer(deps)
        self.migrations = Migrations(deps)
        self.lock_server = LockServer(deps)
        self.create_image = CreateImage(deps)
        self.server_actions = ServerActions(deps)
        self.create_backup = CreateBackup(deps)
        self.restore_server = RestoreServer(deps)
        self.rescue_server = RescueServer(deps)
        self.shelve_server = ShelveServer(deps)
        self.consoles = Consoles(deps)
        self.guest_requests = GuestRequests(deps)
        self.server_metadata = ServerMetadata(deps)
        self.server_password = ServerPassword(deps)
        self.server_tags = ServerTags(deps)
        self.instance_actions = InstanceActions(deps)
        self.volume_attachments = VolumeAttachments(deps)
        self.swap_volume = SwapVolume(deps)
        self.flavors = Flavors(deps)
        self.keypairs = Keypairs(deps)
        self.quotas = Quotas(deps)
        self.hosts = Hosts(deps)
        self.aggregates = Aggregates(deps)
        self.server_groups = ServerGroups(deps)
        self.services = ComputeServices(deps)
        self.usage = UsageReports(deps)
        self.image_proxies = ImageProxies(deps)
        self.volume_proxies = VolumeProxies(deps)
        self.external_events = ExternalEvents(deps)
        self.properties = PropertiesReport(deps.database)
