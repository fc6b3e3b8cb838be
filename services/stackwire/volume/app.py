"""The volume service, put together: every part is named once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from stackwire.contracts.volume import VOLUME
from stackwire.contracts.volume_workers import CINDER_BACKUP, CINDER_SCHEDULER, CINDER_VOLUME, HOST, topic_of
from stackwire.core.clock import Clock
from stackwire.core.faults import NO_FAULTS, Faults
from stackwire.core.policy import Policy
from stackwire.core.store_faults import StoreFaults
from stackwire.db.leases import Leases, new_owner
from stackwire.db.pool import Database
from stackwire.disk_image.certificates import Certificates
from stackwire.http.app import make_app
from stackwire.http.auth import Authenticator
from stackwire.http.client import HttpClient
from stackwire.http.probes import Probes
from stackwire.http.projects import Projects
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of, service_tokens_of
from stackwire.runtime.database import opened
from stackwire.runtime.kept import Kept
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Server, Service, Sweep
from stackwire.volume import rpc
from stackwire.volume.backends.backup_chunks import ChunkedStore
from stackwire.volume.backends.backup_store import PosixStore
from stackwire.volume.backends.faulty import FaultyStore, faulty
from stackwire.volume.backends.files import FileStore
from stackwire.volume.backends.images import HttpMetadata, ImageClient, RpcMetadata
from stackwire.volume.domain.backends import Backend
from stackwire.volume.domain.notifications import EXCHANGE
from stackwire.volume.domain.policy import RULES
from stackwire.volume.domain.scheduling import Chooser
from stackwire.volume.flows.deps import VolumeDeps
from stackwire.volume.flows.recovery import Recovery
from stackwire.volume.flows.registry import ApiFlows, WorkerFlows
from stackwire.volume.http.errors import cinder_error
from stackwire.volume.http.routes import check_project, routes
from stackwire.volume.http.versions import VERSIONS
from stackwire.volume.settings import VolumeSettings

ID_HEADERS = ("X-Openstack-Request-Id", "X-Compute-Request-Id")


async def build(settings: VolumeSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises MigrationError, DatabaseUnavailable."""
    async with opened(settings, "volume", clock) as database:
        return _assemble(settings, database, transport)


def _assemble(settings: VolumeSettings, database: Database, transport: Transport) -> Service:
    client = RpcClient(transport)
    http = HttpClient("volume", service_tokens_of(settings, "volume", database.clock))
    deps = _deps(settings, database, client, http, transport.faults)
    watch = RevocationWatch(transport, "volume", client, clock=database.clock)
    authenticator, own = authenticator_of(settings, watch, database.clock, "block-storage", "volumev3")
    probes = Probes()
    servers, sweeps = list[Server](), list[Sweep]()
    app = None
    worker = WorkerFlows(deps)
    if settings.serves_work or settings.serves_backups:
        sweeps.append(Sweep(settings.sweep_seconds, Recovery(deps, worker).run))
    if settings.serves_work:
        cache = worker.image_volume_cache
        listeners = [cache.listener(transport)] if cache.is_used else []
        servers += [*_worker_servers(deps, worker, transport), *listeners]
        sweeps += [Sweep(settings.sweep_seconds, listener.catch_up) for listener in listeners]
    if settings.serves_backups:
        servers.append(RpcServer(transport, CINDER_BACKUP, HOST, rpc.backup_endpoints(worker)))
    if settings.serves_api:
        flows = ApiFlows(deps)
        servers += [RpcServer(transport, VOLUME, HOST, rpc.ApiEndpoints(flows).endpoints()), watch.server]
        sweeps.append(watch.sweep)
        app = _http(settings, flows, authenticator, probes)
    return Service(
        "volume",
        settings=settings,
        exchange=EXCHANGE,
        database=database,
        transport=transport,
        app=app,
        servers=servers,
        sweeps=sweeps,
        resources=[client, http, deps.leases, deps.backup_store, *deps.stores.values(), *own],
        probes=probes,
        folders=[settings.data_dir, *(settings.data_dir / backend.folder for backend in deps.backends)],
        kept=_kept(settings, watch),
    )


def _kept(settings: VolumeSettings, watch: RevocationWatch) -> Kept:
    """A folder of backups outside ``data_dir`` may be another cloud's, too."""
    names = ("backups", *(backend.folder for backend in settings.read_backends if backend.ceph is None))
    elsewhere = [f"the back end {backend.name} (rbd)" for backend in settings.read_backends if backend.ceph is not None]
    if settings.backups_are_in_s3 or settings.backup_posix_path is not None:
        elsewhere.append("the backups")
    folders = {name: settings.data_dir / name for name in names}
    return Kept(folders=folders, elsewhere=elsewhere, restored=watch.restored)


def _worker_servers(deps: VolumeDeps, worker: WorkerFlows, transport: Transport) -> list[RpcServer]:
    """The scheduler, and a daemon for each back end."""
    daemons = {backend.name: replace(CINDER_VOLUME, topic=topic_of(backend.host)) for backend in deps.backends}
    return [
        RpcServer(transport, CINDER_SCHEDULER, HOST, rpc.scheduler_endpoints(worker)),
        *(RpcServer(transport, target, HOST, rpc.worker_endpoints(worker, name)) for name, target in daemons.items()),
    ]


def _deps(
    settings: VolumeSettings, database: Database, client: RpcClient, http: HttpClient, faults: Faults
) -> VolumeDeps:
    single_process, backends = settings.amqp_url == "memory", settings.read_backends
    return VolumeDeps(
        database=database,
        rpc=client,
        images=ImageClient(
            RpcMetadata(client) if settings.image_api == "rpc" else HttpMetadata(http, settings.image_url),
            http,
            settings.image_url,
            settings.allowed_direct_url_schemes,
        ),
        projects=Projects(http, settings.www_authenticate_uri),
        certificates=Certificates(settings.certificate_dir, settings.barbican_url),
        backends=backends,
        stores={backend.name: _store_of(backend, settings.data_dir / backend.folder, faults) for backend in backends},
        chooser=Chooser(settings.scheduler_default_filters, settings.scheduler_default_weighers),
        backup_store=_backup_store(settings),
        policy=Policy("cinder", RULES, settings.policy_file),
        behaviours=settings.behaviours,
        zone=settings.default_zone,
        internal_tenant=settings.internal_tenant,
        leases=Leases(
            database, owner=new_owner(), ttl=timedelta(seconds=settings.lease_seconds), single_process=single_process
        ),
        single_process=single_process,
    )


def _store_of(backend: Backend, folder: Path, faults: Faults) -> FileStore:
    """Only a service that may have faults has a store that is subject to them."""
    kind, arguments = _kind_of(backend, folder)
    if faults is NO_FAULTS:
        return kind(*arguments)
    store = faulty(kind)(*arguments)
    assert isinstance(store, FaultyStore)
    store.faults = StoreFaults(faults, backend.name)
    return store


def _kind_of(backend: Backend, folder: Path) -> tuple[type[FileStore], tuple[Any, ...]]:
    if backend.ceph is None:
        return FileStore, (folder,)
    try:
        from stackwire.volume.backends.rbd import RbdStore  # its library is Ceph's own
    except ImportError as error:
        raise ValueError(
            f"the back end '{backend.name}' is of type rbd, which needs Ceph's python3-rbd: {error}"
        ) from error
    return RbdStore, (folder, backend.ceph)


def _backup_store(settings: VolumeSettings) -> ChunkedStore:
    if not settings.backups_are_in_s3:
        return PosixStore(settings.backup_posix_path or settings.data_dir / "backups")
    try:
        from stackwire.volume.backends.backup_s3 import S3Store  # its library is an extra
    except ImportError as error:
        raise ValueError(f"the backup driver of S3 comes with stackwire[s3]: {error}") from error
    sizes = settings.backup_s3_object_size, settings.backup_s3_block_size
    return S3Store(settings.backup_s3_place, *sizes, settings.backup_compression_algorithm)


def _http(settings: VolumeSettings, flows: ApiFlows, authenticator: Authenticator, probes: Probes) -> web.Application:
    return make_app(
        routes=routes(flows, settings.behaviours, settings.list_limit, settings.read_backends.zones),
        authenticator=authenticator,
        errors=cinder_error,
        versions=VERSIONS,
        middlewares=(check_project(),),
        probes=probes,
        id_headers=ID_HEADERS,
        identity_url=settings.www_authenticate_uri,
    )
