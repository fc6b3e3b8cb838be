"""The flows of the two halves, each constructed once."""

from stackwire.core.policy import Policy
from stackwire.http.client import HttpClient
from stackwire.image.backends.glance import OtherGlance
from stackwire.image.flows.api.cache import CacheManager
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.imports import ImportRequests
from stackwire.image.flows.api.locations import LocationRequests
from stackwire.image.flows.api.members import Memberships
from stackwire.image.flows.api.store_removal import StoreRemoval
from stackwire.image.flows.api.tasks import TaskRequests
from stackwire.image.flows.api.usage import UsageReport
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.flows.worker.cache_prefetch import CachePrefetcher
from stackwire.image.flows.worker.scrub import Scrubber
from stackwire.image.flows.worker.tasks.data_source import ImportSource
from stackwire.image.flows.worker.tasks.runner import TaskRunner
from stackwire.image.settings import ImageSettings


class ApiFlows:
    """What requests do before they are answered. ``cache`` is None where caching is off."""

    def __init__(self, settings: ImageSettings, deps: FlowDeps, policy: Policy, cache: ImageCache | None) -> None:
        self.locations = LocationRequests(
            deps,
            show_locations=settings.show_multiple_locations,
            show_direct_url=settings.show_image_direct_url,
            quota=settings.image_location_quota,
        )
        self.images = ImageMetadata(deps, self.locations)
        self.data = DataTransfers(deps)
        self.imports = ImportRequests(deps)
        self.members = Memberships(deps, settings.behaviours)
        self.tasks = TaskRequests(deps)
        self.store_removal = StoreRemoval(deps)
        self.usage = UsageReport(deps.database, settings.limits.unified)
        self.prefetcher = None if cache is None else CachePrefetcher(deps, cache)
        self.cache = CacheManager(deps, policy, cache, self.prefetcher)


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
