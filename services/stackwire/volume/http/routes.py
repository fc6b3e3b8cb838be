"""The volume API, one line a call. Each is known with the project in its path and, from 3.67, without."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.core.errors import BadRequest, NotFound
from stackwire.http.app import Route
from stackwire.http.request import CONTEXT, VERSION
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import versions
from stackwire.volume.http.actions import Actions
from stackwire.volume.http.attachments import AttachmentsApi
from stackwire.volume.http.metadata import MetadataApi
from stackwire.volume.http.rest import NOT_SIMULATED, Rest
from stackwire.volume.http.snapshots import SnapshotsApi, snapshot_id
from stackwire.volume.http.types import TypesApi
from stackwire.volume.http.volumes import Volumes, volume_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PROJECT = "{project_id:[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}}"


def _metadata(path: str, m: MetadataApi) -> list[tuple[str, str, Handler]]:
    return [
        ("GET", path, m.show),
        ("POST", path, m.add),
        ("PUT", path, m.replace),
        ("GET", f"{path}/{{key}}", m.item),
        ("PUT", f"{path}/{{key}}", m.set_item),
        ("DELETE", f"{path}/{{key}}", m.drop_item),
    ]


def _table(flows: Flows, longest: int, zone: str) -> list[tuple[str, str, Handler]]:
    v, s, a = Volumes(flows, longest), SnapshotsApi(flows, longest), AttachmentsApi(flows, longest)
    vm = MetadataApi(flows.volume_metadata, flows.read.volume, volume_id)
    sm = MetadataApi(flows.snapshot_metadata, flows.read.snapshot, snapshot_id)
    t, r, actions = TypesApi(flows, longest), Rest(flows, zone), Actions(flows)
    return [
        ("GET", "/volumes", v.list),
        ("GET", "/volumes/detail", v.detail),
        ("GET", "/volumes/summary", v.summary),
        ("POST", "/volumes", v.create),
        ("GET", "/volumes/{volume_id}", v.show),
        ("PUT", "/volumes/{volume_id}", v.update),
        ("DELETE", "/volumes/{volume_id}", v.delete),
        ("POST", "/volumes/{volume_id}/action", actions.handle),
        *_metadata("/volumes/{volume_id}/metadata", vm),
        ("GET", "/snapshots", s.list),
        ("GET", "/snapshots/detail", s.detail),
        ("POST", "/snapshots", s.create),
        ("GET", "/snapshots/{snapshot_id}", s.show),
        ("PUT", "/snapshots/{snapshot_id}", s.update),
        ("DELETE", "/snapshots/{snapshot_id}", s.delete),
        ("POST", "/snapshots/{snapshot_id}/action", s.action),
        *_metadata("/snapshots/{snapshot_id}/metadata", sm),
        ("GET", "/attachments", a.list),
        ("GET", "/attachments/detail", a.detail),
        ("POST", "/attachments", a.create),
        ("GET", "/attachments/{attachment_id}", a.show),
        ("PUT", "/attachments/{attachment_id}", a.update),
        ("DELETE", "/attachments/{attachment_id}", a.delete),
        ("POST", "/attachments/{attachment_id}/action", a.action),
        ("GET", "/types", t.list),
        ("POST", "/types", t.create),
        ("GET", "/types/default", t.default),
        ("GET", "/types/{type_id}", t.show),
        ("PUT", "/types/{type_id}", t.update),
        ("DELETE", "/types/{type_id}", t.delete),
        ("POST", "/types/{type_id}/action", t.action),
        ("GET", "/types/{type_id}/os-volume-type-access", t.access),
        ("GET", "/types/{type_id}/extra_specs", t.specs),
        ("POST", "/types/{type_id}/extra_specs", t.set_specs),
        ("GET", "/types/{type_id}/extra_specs/{key}", t.spec),
        ("PUT", "/types/{type_id}/extra_specs/{key}", t.set_spec),
        ("DELETE", "/types/{type_id}/extra_specs/{key}", t.drop_spec),
        ("GET", "/limits", r.limits),
        ("GET", "/os-quota-sets/{target}", r.quota_set),
        ("PUT", "/os-quota-sets/{target}", r.set_quota),
        ("DELETE", "/os-quota-sets/{target}", r.drop_quota),
        ("GET", "/os-quota-sets/{target}/defaults", r.quota_defaults),
        ("GET", "/os-availability-zone", r.zones),
        ("GET", "/extensions", r.extensions),
        ("GET", "/messages", r.messages),
        ("GET", "/messages/{message_id}", r.message),
        ("DELETE", "/messages/{message_id}", r.drop_message),
        ("*", "/{noun:" + "|".join(NOT_SIMULATED) + "}{rest:(/.*)?}", r.not_simulated),
    ]


def routes(flows: Flows, longest: int, zone: str) -> Sequence[Route]:
    table = _table(flows, longest, zone)
    return [
        Route("GET", "/", versions.choices, public=True),
        Route("GET", "/v3", versions.current, public=True),
        Route("GET", "/v3/", versions.current, public=True),
        *(Route(method, f"/v3{path}", handler) for method, path, handler in table),
        *(Route(method, f"/v3/{_PROJECT}{path}", handler) for method, path, handler in table),
    ]


def check_project() -> Middleware:
    """The project in the path must be the token's: a token authorises, a path never does."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        project = request.match_info.get("project_id")
        if project is not None and project != request[CONTEXT].project_id:
            raise BadRequest("Malformed request url")
        if project is None and _needs_project(request):
            raise NotFound
        return await handler(request)

    return middleware


def _needs_project(request: web.Request) -> bool:
    """Before 3.67 a path without a project leads nowhere."""
    found = request.match_info.http_exception is None and request.path.rstrip("/") not in ("", "/v3")
    return found and request.path.startswith("/v3/") and request[VERSION] < (3, 67)
