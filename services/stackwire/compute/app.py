"""The compute service, put together: every part is named once. One process may speak for several simulated hosts."""

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from stackwire.compute import rpc
from stackwire.compute.backends.disks import Disks
from stackwire.compute.backends.image_client import ImageClient
from stackwire.compute.backends.image_verification import ImageVerification
from stackwire.compute.backends.images import Images, RpcImages
from stackwire.compute.backends.images_http import HttpImages
from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.domain import addresses
from stackwire.compute.domain.policy import DEFAULTS
from stackwire.compute.flows.deps import ApiDeps
from stackwire.compute.flows.local_delete import LocalDelete
from stackwire.compute.flows.notifications import EXCHANGE, Notifications
from stackwire.compute.flows.offloaded_recovery import OffloadedRecovery
from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.flows.unfinished import DiscardUnfinished
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.compute.flows.worker.conductor_moves import ConductorMoves
from stackwire.compute.flows.worker.host_service import HostService
from stackwire.compute.flows.worker.image_cache import CachedImages, ImageCaching
from stackwire.compute.flows.worker.scheduler import Scheduler
from stackwire.compute.http.application import application
from stackwire.compute.settings import ComputeSettings
from stackwire.contracts.base import Endpoint
from stackwire.contracts.compute import COMPUTE
from stackwire.contracts.compute_workers import COMPUTE_ALT, COMPUTE_HOST, CONDUCTOR, SCHEDULER
from stackwire.core.clock import Clock
from stackwire.core.context import system_context
from stackwire.core.faults import Faults
from stackwire.core.ids import drawn_below
from stackwire.core.policy import Policy
from stackwire.core.store_faults import StoreFaults
from stackwire.db.leases import Leases, new_owner
from stackwire.db.pool import Database
from stackwire.disk_image.certificates import Certificates
from stackwire.http.client import HttpClient
from stackwire.http.probes import Probes
from stackwire.http.projects import Projects
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of, service_tokens_of
from stackwire.runtime.database import opened
from stackwire.runtime.kept import Kept, Restored
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Resource, Server, Service, Sweep

HOST = "stackwire"
"""The host name of the API, the conductor and the scheduler."""
SYNC_SECONDS = 120.0
"""``nova/conf/scheduler.py``: how often hosts report their servers to every scheduler."""


async def build(settings: ComputeSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started; the hosts are registered. Raises MigrationError, DatabaseUnavailable."""
    async with opened(settings, "compute", clock) as database:
        return await _assemble(settings, database, transport)


async def _assemble(settings: ComputeSettings, database: Database, transport: Transport) -> Service:
    client = RpcClient(transport, {COMPUTE.exchange: settings.call_monitor_timeout_seconds})
    http = HttpClient("compute", service_tokens_of(settings, "compute", database.clock))
    images = images_of(settings, client, http)
    notifications = Notifications(HOST, settings.image_url)
    watch = RevocationWatch(transport, "compute", client, clock=database.clock)
    authenticator, own = authenticator_of(settings, watch, database.clock, "compute")
    leases = _leases(settings, database)
    servers, sweeps, resources = list[Server](), list[Sweep](), list[Resource]([client, http, *own, leases])

    host_service = None
    if settings.serves_work:
        host_service, tasks, timers = await _worker(
            settings, database, transport, client, images, notifications, leases
        )
        servers += tasks
        sweeps += timers
        resources.append(host_service)
    app, probes = None, Probes()
    if settings.serves_api:
        projects = Projects(http, settings.www_authenticate_uri)
        flows = ApiFlows(_deps(settings, database, leases, client, images, projects, notifications))
        servers += [RpcServer(transport, COMPUTE, HOST, rpc.api_endpoints(flows)), watch.server]
        sweeps.append(watch.sweep)
        app = application(flows, authenticator, settings, probes)
    return Service(
        "compute",
        settings=settings,
        exchange=EXCHANGE,
        database=database,
        transport=transport,
        app=app,
        servers=servers,
        sweeps=sweeps,
        resources=resources,
        probes=probes,
        folders=[settings.data_dir],
        kept=_kept(settings, watch, host_service),
    )


def _kept(settings: ComputeSettings, watch: RevocationWatch, host_service: HostService | None) -> Kept:
    async def restored(what: Restored) -> None:
        await watch.restored(what)
        if host_service is not None:
            await host_service.restored()

    return Kept(folders={"hosts": settings.data_dir / "hosts"}, restored=restored)


async def _worker(
    settings: ComputeSettings,
    database: Database,
    transport: Transport,
    client: RpcClient,
    images: Images,
    notifications: Notifications,
    leases: Leases,
) -> tuple[HostService, list[Server], list[Sweep]]:
    """The hosts, which are registered; what conductor, scheduler and hosts consume; what they do from time to time."""
    hosts = _compute_hosts(settings, database, client, images, transport.faults)
    host_service = HostService(database, hosts, settings, leases)
    await host_service.register()
    conductor = Conductor(database, client, notifications, images, settings.default_zone, settings.behaviours)
    tasks = _conductor_endpoints(conductor, database, leases, client, notifications)
    servers = _worker_servers(transport, tasks, _scheduler(settings, database, notifications), host_service)
    listeners = [CachedImages(host).listener(transport) for host in hosts]
    discard = DiscardUnfinished(database, leases, images, client)
    sweeps = _worker_sweeps(settings, host_service, conductor, database, client, listeners, discard, leases)
    return host_service, [*servers, *listeners], sweeps


def _conductor_endpoints(
    conductor: Conductor, database: Database, leases: Leases, client: RpcClient, notifications: Notifications
) -> list[Endpoint]:
    caching = ImageCaching(database, client, notifications)
    moves = ConductorMoves(database, leases, conductor, client, notifications)
    return rpc.conductor_endpoints(conductor, caching, moves)


def _worker_servers(
    transport: Transport, conductor: Sequence[Endpoint], scheduler: Scheduler, host_service: HostService
) -> list[RpcServer]:
    servers = [
        RpcServer(transport, CONDUCTOR, HOST, conductor),
        RpcServer(transport, SCHEDULER, HOST, rpc.scheduler_endpoints(scheduler)),
    ]
    for host in host_service.hosts:
        for target, endpoints in ((COMPUTE_HOST, rpc.host_endpoints), (COMPUTE_ALT, rpc.alternate_endpoints)):
            servers.append(RpcServer(transport, target, host.name, host_service.guarded(host, endpoints(host))))
    return servers


def _worker_sweeps(
    settings: ComputeSettings,
    host_service: HostService,
    conductor: Conductor,
    database: Database,
    client: RpcClient,
    listeners: Sequence[NotificationListener],
    discard: DiscardUnfinished,
    leases: Leases,
) -> list[Sweep]:
    volumes = Volumes(client, HOST, settings.volume_seconds)
    local_delete = LocalDelete(database, volumes, Notifications(HOST, settings.image_url))
    offloaded = OffloadedRecovery(database, volumes)

    async def recover_unplaced() -> None:
        """By one process at a time: what is said of it is said once."""
        ctx = system_context("nova")
        async with leases.exclusive(ctx, "sweep", "servers on no host") as claimed:
            if claimed:
                await conductor.fail_unscheduled(ctx)
                await local_delete.recover(ctx)
                await offloaded.run(ctx)
                await discard.run(ctx)

    return [
        Sweep(settings.sweep_seconds, host_service.run),
        Sweep(max(settings.sweep_seconds, 10.0), recover_unplaced),
        Sweep(SYNC_SECONDS, host_service.sync),
        Sweep(settings.image_cache_manager_interval, host_service.run_image_cache_manager_pass),
        *(Sweep(settings.sweep_seconds, listener.catch_up) for listener in listeners),
    ]


def _scheduler(settings: ComputeSettings, database: Database, notifications: Notifications) -> Scheduler:
    return Scheduler(
        database, notifications, settings.enabled_filters, settings.weight_multipliers, settings.scheduler_limits
    )


def _leases(settings: ComputeSettings, database: Database) -> Leases:
    return Leases(
        database,
        owner=new_owner(),
        ttl=timedelta(seconds=settings.lease_seconds),
        single_process=settings.amqp_url == "memory",
    )


def _compute_hosts(
    settings: ComputeSettings, database: Database, client: RpcClient, images: Images, faults: Faults
) -> list[ComputeHost]:
    nodes = {name: own.hypervisor_hostname or name for name, own in settings.read_hosts().items()}
    return [_compute_host(settings, name, node, database, client, images, faults) for name, node in nodes.items()]


def _compute_host(
    settings: ComputeSettings,
    host: str,
    node: str,
    database: Database,
    client: RpcClient,
    images: Images,
    faults: Faults,
) -> ComputeHost:
    return ComputeHost(
        name=host,
        node=node,
        database=database,
        notifications=Notifications(host, settings.image_url),
        disks=Disks(settings.data_dir / "hosts" / host, StoreFaults(faults, "disks")),
        images=images,
        verification=ImageVerification(
            Certificates(settings.certificate_dir, settings.barbican_url), settings.signature_policy, database.clock
        ),
        volumes=Volumes(client, host, settings.volume_seconds),
        behaviours=settings.behaviours,
        zone=settings.default_zone,
        network=addresses.network(settings.fixed_range),
        access_network=settings.access_network,
        make_mac=partial(addresses.new_mac, drawn_below("mac")),
        reimage_seconds_per_gb=settings.reimage_seconds_per_gb,
        shelved_offload_time=settings.shelved_offload_time,
        resize_confirm_window=settings.resize_confirm_window,
        live_migration_seconds=settings.live_migration_seconds,
        rpc=client,
        console_protocols=settings.consoles,
        token_ttl=settings.token_ttl,
    )


def images_of(settings: ComputeSettings, client: RpcClient, http: HttpClient) -> Images:
    """By RPC, unless the setting wants one of the Image API's versions, or whichever the release would take."""
    if settings.image_api == "rpc":
        return RpcImages(client, http, settings.image_url, keeps_roots=settings.empty_image_mode == "root_location")
    speaks = ImageClient(
        http,
        settings.image_url,
        prefer="v2" if settings.behaviours.has("nova-asks-image-v2") else "v1",
        only=None if settings.image_api == "auto" else settings.image_api,
        retries=settings.image_retries,
    )
    return HttpImages(speaks, settings.empty_image_mode)


def _deps(
    settings: ComputeSettings,
    database: Database,
    leases: Leases,
    client: RpcClient,
    images: Images,
    projects: Projects,
    notifications: Notifications,
) -> ApiDeps:
    return ApiDeps(
        database=database,
        leases=leases,
        rpc=client,
        images=images,
        projects=projects,
        policy=Policy("nova", DEFAULTS, settings.policy_file),
        behaviours=settings.behaviours,
        announce=notifications.emit_update,
        notifications=notifications,
        pick=random.SystemRandom().choice,
        zone=settings.default_zone,
        reclaim_instance_interval=settings.reclaim_instance_interval,
        resize_to_same_host=settings.allow_resize_to_same_host,
        signatures=settings.signature_policy,
    )
