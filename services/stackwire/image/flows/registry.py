"""The flows of the two halves, each constructed once."""

from socket import gethostname

from stackwire.http.client import HttpClient
from stackwire.image.backends.glance import OtherGlance
from stackwire.image.backends.registry import RegistryClient
from stackwire.image.domain.metadefs_notifications import MetadefNotificationBuilder
from stackwire.image.flows.api.cache import CacheManager
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.api.downloads import Downloads
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.imports import ImportRequests
from stackwire.image.flows.api.locations import LocationRequests
from stackwire.image.flows.api.members import Memberships
from stackwire.image.flows.api.metadef_items import MetadefItems
from stackwire.image.flows.api.metadef_namespaces import MetadefNamespaces
from stackwire.image.flows.api.properties import PropertiesReport
from stackwire.image.flows.api.store_removal import StoreRemoval
from stackwire.image.flows.api.stores import StoreQueries
from stackwire.image.flows.api.tasks import TaskRequests
from stackwire.image.flows.api.usage import UsageReport
from stackwire.image.flows.api.v1_copies import V1Copies
from stackwire.image.flows.api.v1_images import V1Images
from stackwire.image.flows.api.v1_members import V1Memberships
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.flows.metadefs_access import NamespaceAccess
from stackwire.image.flows.worker.cache_prefetch import CachePrefetcher
from stackwire.image.flows.worker.scrub import Scrubber
from stackwire.image.flows.worker.tasks.data_source import ImportSource
from stackwire.image.flows.worker.tasks.runner import TaskRunner
from stackwire.image.settings import ImageSettings


def location_requests(settings: ImageSettings, deps: FlowDeps) -> LocationRequests:
    """Of every API."""
    return LocationRequests(
        deps,
        show_locations=settings.show_multiple_locations,
        show_direct_url=settings.show_image_direct_url,
        quota=settings.image_location_quota,
        keeps_one=settings.behaviours.has("active-images-keep-a-location"),
    )


class ApiFlows:
    """What requests do before they are answered. ``cache`` is None where caching is off, ``v1`` where v1 is gone.

    ``through``: the deps around glance-registry, where v2 reaches images through it.
    """

    def __init__(
        self,
        settings: ImageSettings,
        deps: FlowDeps,
        cache: ImageCache | None,
        v1: "V1Flows | None" = None,
        through: FlowDeps | None = None,
        registry: RegistryClient | None = None,
    ) -> None:
        self.connections = () if registry is None else (registry,)
        self.is_through_registry = through is not None
        of_images = through or deps
        self.locations = location_requests(settings, of_images)
        settable = () if settings.behaviours.has("stores-is-no-property") else ("stores",)
        self.images = ImageMetadata(of_images, self.locations, settable)
        self.data = DataTransfers(of_images)
        self.imports = ImportRequests(deps)
        self.members = Memberships(of_images, settings.behaviours)
        self.tasks = TaskRequests(deps)
        self.store_removal = StoreRemoval(deps)
        self.properties = PropertiesReport(deps.database)
        self.usage = UsageReport(deps.database, settings.limits.unified)
        self.prefetcher = None if cache is None else CachePrefetcher(deps, cache)
        self.cache = CacheManager(deps, cache, self.prefetcher)
        self.downloads = Downloads(self.data, deps.stores, cache)
        self.stores = StoreQueries(deps.stores, deps.policy)
        access, notifications = NamespaceAccess(deps.policy), MetadefNotificationBuilder(f"image.{gethostname()}")
        self.metadef_namespaces = MetadefNamespaces(deps, access, notifications)
        self.metadef_items = MetadefItems(deps.database, access, notifications)
        self.v1 = v1


class V1Flows:
    """Those of the v1 API: around glance-registry, in the releases that have both. ``deps``: with that onion."""

    def __init__(self, settings: ImageSettings, deps: FlowDeps, registry: RegistryClient) -> None:
        behaviours = settings.behaviours
        self._copies = V1Copies(deps)
        self.images = V1Images(
            deps, location_requests(settings, deps), self._copies, behaviours, size_cap=settings.image_size_cap
        )
        self.members = V1Memberships(deps, registry, behaviours)

    @property
    def busy(self) -> bool:
        """True while data is being copied."""
        return self._copies.busy

    async def interrupt(self) -> None:
        """Ends the copies."""
        await self._copies.interrupt()

    async def close(self) -> None:
        """Ends the copies."""
        await self.interrupt()


class WorkerFlows:
    """What workers do for messages, and from time to time."""

    def __init__(self, settings: ImageSettings, deps: FlowDeps, http: HttpClient) -> None:
        source = ImportSource(
            deps,
            OtherGlance({settings.region: settings.image_url}, http),
            output_format=settings.converts_to,
            property_prefixes=settings.glance_download_extra_properties,
        )
        self.tasks = TaskRunner(deps, source, secure_hash=settings.do_secure_hash, tries=settings.http_retries)
        self.scrubber = Scrubber(
            deps.database, deps.stores, scrub_time=settings.scrub_time, pool_size=settings.scrub_pool_size
        )
