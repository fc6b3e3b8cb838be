"""The volume API, one row for each call. Each has a path with the project and one without."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.core.behaviours import Behaviours
from stackwire.core.errors import BadRequest
from stackwire.http.app import Route, no_route
from stackwire.http.refusals import refusals
from stackwire.http.request import CONTEXT
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.attachments import AttachmentHandlers
from stackwire.volume.http.backups import BackupHandlers
from stackwire.volume.http.default_types import DefaultTypeHandlers
from stackwire.volume.http.encryption import EncryptionHandlers, VolumeEncryptionHandlers
from stackwire.volume.http.extensions import NOT_SIMULATED, ExtensionHandlers
from stackwire.volume.http.group_routes import Row, group_routes, since
from stackwire.volume.http.limits import LimitHandlers
from stackwire.volume.http.manage import ManageHandlers
from stackwire.volume.http.messages import MessageHandlers
from stackwire.volume.http.metadata import MetadataHandlers
from stackwire.volume.http.operations import OperationHandlers
from stackwire.volume.http.path_ids import snapshot_id, volume_id
from stackwire.volume.http.qos_specs import QosSpecsHandlers
from stackwire.volume.http.quotas import QuotaClassHandlers, QuotaHandlers
from stackwire.volume.http.schemas.volumes import SnapshotMetaBody, SnapshotMetadataBody
from stackwire.volume.http.services import ServiceHandlers
from stackwire.volume.http.snapshots import SnapshotHandlers
from stackwire.volume.http.transfers import TransferHandlers
from stackwire.volume.http.versions import VersionHandlers
from stackwire.volume.http.volume_actions import VolumeActionHandlers
from stackwire.volume.http.volume_types import VolumeTypeHandlers
from stackwire.volume.http.volumes import VolumeHandlers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PROJECT = "{project_id:[0-9a-f-]+}"


def _volumes(flows: ApiFlows, max_limit: int) -> list[Row]:
    volumes = VolumeHandlers(flows, max_limit)
    return [
        ("GET", "/volumes", volumes.list),
        ("GET", "/volumes/detail", volumes.detail),
        ("GET", "/volumes/summary", volumes.summary),
        ("POST", "/volumes", volumes.create),
        ("GET", "/volumes/{volume_id}", volumes.show),
        ("PUT", "/volumes/{volume_id}", volumes.update),
        ("DELETE", "/volumes/{volume_id}", volumes.delete),
        ("POST", "/volumes/{volume_id}/action", VolumeActionHandlers(flows).action),
        *_metadata(
            "/volumes/{volume_id}/metadata", MetadataHandlers(flows.volume_metadata, flows.volumes.get, volume_id)
        ),
    ]


def _snapshots(flows: ApiFlows, max_limit: int) -> list[Row]:
    snapshots = SnapshotHandlers(flows, max_limit)
    metadata = MetadataHandlers(
        flows.snapshot_metadata, flows.snapshot_queries.get, snapshot_id, SnapshotMetadataBody, SnapshotMetaBody
    )
    return [
        ("GET", "/snapshots", snapshots.list),
        ("GET", "/snapshots/detail", snapshots.detail),
        ("POST", "/snapshots", snapshots.create),
        ("GET", "/snapshots/{snapshot_id}", snapshots.show),
        ("PUT", "/snapshots/{snapshot_id}", snapshots.update),
        ("DELETE", "/snapshots/{snapshot_id}", snapshots.delete),
        ("POST", "/snapshots/{snapshot_id}/action", snapshots.action),
        *_metadata("/snapshots/{snapshot_id}/metadata", metadata),
    ]


def _metadata(path: str, metadata: MetadataHandlers) -> list[Row]:
    return [
        ("GET", path, metadata.show),
        ("POST", path, metadata.add),
        ("PUT", path, metadata.replace),
        ("GET", f"{path}/{{key}}", metadata.show_item),
        ("PUT", f"{path}/{{key}}", metadata.set_item),
        ("DELETE", f"{path}/{{key}}", metadata.delete_item),
    ]


def _attachments(flows: ApiFlows, max_limit: int) -> list[Row]:
    attachments = AttachmentHandlers(flows, max_limit)
    return [
        ("GET", "/attachments", attachments.list),
        ("GET", "/attachments/detail", attachments.detail),
        ("POST", "/attachments", attachments.create),
        ("GET", "/attachments/{attachment_id}", attachments.show),
        ("PUT", "/attachments/{attachment_id}", attachments.update),
        ("DELETE", "/attachments/{attachment_id}", attachments.delete),
        ("POST", "/attachments/{attachment_id}/action", attachments.action),
    ]


def _volume_types(flows: ApiFlows, max_limit: int) -> list[Row]:
    types = VolumeTypeHandlers(flows, max_limit)
    return [
        ("GET", "/types", types.list),
        ("POST", "/types", types.create),
        ("GET", "/types/default", types.default),
        ("GET", "/types/{type_id}", types.show),
        ("PUT", "/types/{type_id}", types.update),
        ("DELETE", "/types/{type_id}", types.delete),
        ("POST", "/types/{type_id}/action", types.action),
        ("GET", "/types/{type_id}/os-volume-type-access", types.show_access),
        ("GET", "/types/{type_id}/extra_specs", types.show_extra_specs),
        ("POST", "/types/{type_id}/extra_specs", types.set_extra_specs),
        ("GET", "/types/{type_id}/extra_specs/{key}", types.show_extra_spec),
        ("PUT", "/types/{type_id}/extra_specs/{key}", types.set_extra_spec),
        ("DELETE", "/types/{type_id}/extra_specs/{key}", types.delete_extra_spec),
    ]


def _administration(flows: ApiFlows) -> list[Row]:
    operations, services = OperationHandlers(flows), ServiceHandlers(flows)
    quotas, encryption = QuotaClassHandlers(flows), EncryptionHandlers(flows)
    of_volume = VolumeEncryptionHandlers(flows)
    return [
        ("GET", "/os-services", services.list),
        ("PUT", "/os-services/enable", services.enable),
        ("PUT", "/os-services/disable", services.disable),
        ("PUT", "/os-services/disable-log-reason", services.disable_with_reason),
        ("PUT", "/os-services/freeze", services.freeze),
        ("PUT", "/os-services/thaw", services.thaw),
        ("PUT", "/os-services/failover_host", services.fail_over),
        *since((3, 26), [("PUT", "/os-services/failover", services.fail_over)]),
        ("GET", "/os-hosts", operations.hosts),
        ("GET", "/os-hosts/{host}", operations.host),
        ("GET", "/scheduler-stats/get_pools", operations.pools),
        ("GET", "/capabilities/{host}", operations.capabilities),
        ("GET", "/os-quota-class-sets/{class_name}", quotas.show),
        ("PUT", "/os-quota-class-sets/{class_name}", quotas.update),
        ("GET", "/volumes/{volume_id}/encryption", of_volume.show),
        ("GET", "/volumes/{volume_id}/encryption/{key}", of_volume.show_item),
        ("GET", "/types/{type_id}/encryption", encryption.show),
        ("POST", "/types/{type_id}/encryption", encryption.create),
        ("GET", "/types/{type_id}/encryption/{key}", encryption.show_item),
        ("PUT", "/types/{type_id}/encryption/{key}", encryption.update),
        ("DELETE", "/types/{type_id}/encryption/{key}", encryption.delete),
        *since((3, 33), [("GET", "/resource_filters", operations.resource_filters)]),
        *since((3, 62), _default_types(DefaultTypeHandlers(flows))),
    ]


def _backups(backups: BackupHandlers) -> list[Row]:
    return [
        ("GET", "/backups", backups.list),
        ("POST", "/backups", backups.create),
        ("GET", "/backups/detail", backups.detail),
        ("POST", "/backups/import_record", backups.import_record),
        ("GET", "/backups/{backup_id}", backups.show),
        ("DELETE", "/backups/{backup_id}", backups.delete),
        ("POST", "/backups/{backup_id}/action", backups.action),
        ("GET", "/backups/{backup_id}/export_record", backups.export_record),
        ("POST", "/backups/{backup_id}/restore", backups.restore),
        *since((3, 9), [("PUT", "/backups/{backup_id}", backups.update)]),
    ]


def _qos_specs(flows: ApiFlows, max_limit: int) -> list[Row]:
    specs = QosSpecsHandlers(flows, max_limit)
    return [
        ("GET", "/qos-specs", specs.list),
        ("POST", "/qos-specs", specs.create),
        ("GET", "/qos-specs/{specs_id}", specs.show),
        ("PUT", "/qos-specs/{specs_id}", specs.update),
        ("DELETE", "/qos-specs/{specs_id}", specs.delete),
        ("PUT", "/qos-specs/{specs_id}/delete_keys", specs.delete_keys),
        ("GET", "/qos-specs/{specs_id}/associations", specs.associations),
        ("GET", "/qos-specs/{specs_id}/associate", specs.associate),
        ("GET", "/qos-specs/{specs_id}/disassociate", specs.disassociate),
        ("GET", "/qos-specs/{specs_id}/disassociate_all", specs.disassociate_all),
    ]


def _transfers(path: str, transfers: TransferHandlers) -> list[Row]:
    return [
        ("GET", path, transfers.list),
        ("POST", path, transfers.create),
        ("GET", f"{path}/detail", transfers.detail),
        ("GET", f"{path}/{{transfer_id}}", transfers.show),
        ("DELETE", f"{path}/{{transfer_id}}", transfers.delete),
        ("POST", f"{path}/{{transfer_id}}/accept", transfers.accept),
    ]


def _default_types(types: DefaultTypeHandlers) -> list[Row]:
    return [
        ("GET", "/default-types", types.list),
        ("GET", "/default-types/{target}", types.show),
        ("PUT", "/default-types/{target}", types.set),
        ("DELETE", "/default-types/{target}", types.unset),
    ]


def _manageable(flows: ApiFlows, max_limit: int) -> list[Row]:
    rows: list[Row] = []
    for kind in ("volumes", "snapshots"):
        for path, newer in ((f"/manageable_{kind}", True), (f"/os-{kind.removesuffix('s')}-manage", False)):
            handlers = ManageHandlers(flows, max_limit, kind, newer=newer)
            rows += [
                ("GET", path, handlers.list),
                ("POST", path, handlers.create),
                ("GET", f"{path}/detail", handlers.detail),
            ]
    return rows


def _others(flows: ApiFlows, max_limit: int, zones: Sequence[str]) -> list[Row]:
    quotas, messages, extensions = QuotaHandlers(flows), MessageHandlers(flows, max_limit), ExtensionHandlers(zones)
    return [
        ("GET", "/limits", LimitHandlers(flows).show),
        ("GET", "/os-quota-sets/{target}", quotas.show),
        ("PUT", "/os-quota-sets/{target}", quotas.update),
        ("DELETE", "/os-quota-sets/{target}", quotas.delete),
        ("GET", "/os-quota-sets/{target}/defaults", quotas.show_defaults),
        ("GET", "/os-availability-zone", extensions.availability_zones),
        ("GET", "/extensions", extensions.list),
        ("GET", "/messages", messages.list),
        ("GET", "/messages/{message_id}", messages.show),
        ("DELETE", "/messages/{message_id}", messages.delete),
        *refusals(NOT_SIMULATED),
    ]


def routes(flows: ApiFlows, behaviours: Behaviours, max_limit: int, zones: Sequence[str]) -> Sequence[Route]:
    """``max_limit``: of a list's page; ``zones``: the availability zones."""
    table = [
        *_volumes(flows, max_limit),
        *_snapshots(flows, max_limit),
        *_attachments(flows, max_limit),
        *_volume_types(flows, max_limit),
        *_qos_specs(flows, max_limit),
        *_administration(flows),
        *_backups(BackupHandlers(flows, max_limit)),
        *group_routes(flows, max_limit),
        *_transfers("/volume-transfers", TransferHandlers(flows, max_limit)),
        *_transfers("/os-volume-transfer", TransferHandlers(flows, max_limit)),
        *_manageable(flows, max_limit),
        *_others(flows, max_limit, zones),
    ]
    versions = VersionHandlers(behaviours)
    return [
        Route("*", "/", versions.choices, public=True),
        Route("*", "/v3", versions.redirect),
        Route("*", "/v3/", versions.current),
        *(Route(method, f"/v3{path}", handler) for method, path, handler in table),
        *(Route(method, f"/v3/{_PROJECT}{path}", handler) for method, path, handler in table),
        Route("*", "/{version:v3}/{rest:.*}", no_route, versioned=False),
        Route("*", "/{rest:.*}", versions.nothing, public=True, versioned=False),
    ]


def check_project() -> Middleware:
    """The project in the path must be the token's: a token authorises, a path never does."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        project = request.match_info.get("project_id")
        if project is not None and project != request[CONTEXT].project_id:
            raise BadRequest("Malformed request url")
        return await handler(request)

    return middleware
