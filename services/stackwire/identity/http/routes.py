"""Identity's API on one page."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.core.policy import Policy
from stackwire.http.app import Route
from stackwire.http.paging import origin
from stackwire.http.request import respond
from stackwire.identity.db.entities import NOUNS
from stackwire.identity.http.views import version_view
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.http.catalog import Catalog, Entries
from stackwire.identity.http.unsupported import gaps
from stackwire.identity.http.grants import ACTORS, PLACES, AssignmentHandlers, ImpliedHandlers, SpotHandlers, path_of
from stackwire.identity.http.groups import MembershipHandlers
from stackwire.identity.http.entities import NounHandlers, PasswordHandler, TagHandlers
from stackwire.identity.http.tokens import TokenHandlers


def routes(
    tokens: Tokens, directory: Directory, grants: Grants, membership: Membership, policy: Policy,
    entries: Entries, region: str,
) -> list[Route]:  # fmt: skip
    catalog = Catalog(entries, region, policy)
    return [
        Route("GET", "/", versions, public=True),
        Route("GET", "/v3", version, public=True),
        Route("GET", "/v3/", version, public=True),
        *_auth(TokenHandlers(tokens, membership, catalog)),
        Route("POST", "/v3/users/{id}/password", PasswordHandler(directory).change, public=True),
        *(route for noun in NOUNS for route in _noun(noun.plural, NounHandlers(noun, directory))),
        *_tags(TagHandlers(directory)),
        *_groups(MembershipHandlers(membership)),
        *(
            route
            for place in PLACES
            for actor in ACTORS
            for route in _spot(path_of(place, actor), SpotHandlers(grants, place, actor))
        ),
        Route("GET", "/v3/role_assignments", AssignmentHandlers(grants).list),
        *_implied(ImpliedHandlers(grants)),
        Route("GET", "/v3/services", catalog.services),
        Route("GET", "/v3/services/{id}", catalog.service),
        Route("GET", "/v3/endpoints", catalog.endpoints),
        Route("GET", "/v3/endpoints/{id}", catalog.endpoint),
        Route("GET", "/v3/regions", catalog.regions),
        Route("GET", "/v3/regions/{id}", catalog.region),
        *gaps(),
    ]


def _auth(handlers: TokenHandlers) -> Sequence[Route]:
    return (
        Route("POST", "/v3/auth/tokens", handlers.issue, public=True),
        Route("GET", "/v3/auth/tokens", handlers.show),
        Route("HEAD", "/v3/auth/tokens", handlers.check),
        Route("DELETE", "/v3/auth/tokens", handlers.revoke),
        Route("GET", "/v3/auth/catalog", handlers.catalog),
        Route("GET", "/v3/auth/projects", handlers.projects),
        Route("GET", "/v3/auth/domains", handlers.domains),
        Route("GET", "/v3/auth/system", handlers.system),
    )


def _noun(plural: str, handlers: NounHandlers) -> Sequence[Route]:
    return (
        Route("GET", f"/v3/{plural}", handlers.list),
        Route("POST", f"/v3/{plural}", handlers.create),
        Route("GET", f"/v3/{plural}/{{id}}", handlers.show),
        Route("PATCH", f"/v3/{plural}/{{id}}", handlers.update),
        Route("DELETE", f"/v3/{plural}/{{id}}", handlers.delete),
    )


def _tags(handlers: TagHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/projects/{id}/tags", handlers.show),
        Route("PUT", "/v3/projects/{id}/tags", handlers.replace),
        Route("DELETE", "/v3/projects/{id}/tags", handlers.clear),
        Route("GET", "/v3/projects/{id}/tags/{tag}", handlers.check),
        Route("HEAD", "/v3/projects/{id}/tags/{tag}", handlers.check),
        Route("PUT", "/v3/projects/{id}/tags/{tag}", handlers.add),
        Route("DELETE", "/v3/projects/{id}/tags/{tag}", handlers.remove),
    )


def _groups(handlers: MembershipHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/groups/{id}/users", handlers.users),
        Route("PUT", "/v3/groups/{id}/users/{user}", handlers.add),
        Route("HEAD", "/v3/groups/{id}/users/{user}", handlers.check),
        Route("DELETE", "/v3/groups/{id}/users/{user}", handlers.remove),
        Route("GET", "/v3/users/{id}/groups", handlers.groups),
        Route("GET", "/v3/users/{id}/projects", handlers.projects),
    )


def _spot(path: str, handlers: SpotHandlers) -> Sequence[Route]:
    return (
        Route("GET", path, handlers.list),
        Route("PUT", f"{path}/{{role}}", handlers.add),
        Route("HEAD", f"{path}/{{role}}", handlers.check),
        Route("GET", f"{path}/{{role}}", handlers.check),
        Route("DELETE", f"{path}/{{role}}", handlers.remove),
    )


def _implied(handlers: ImpliedHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/role_inferences", handlers.all),
        Route("GET", "/v3/roles/{id}/implies", handlers.of_role),
        Route("PUT", "/v3/roles/{id}/implies/{implied}", handlers.add),
        Route("GET", "/v3/roles/{id}/implies/{implied}", handlers.show),
        Route("HEAD", "/v3/roles/{id}/implies/{implied}", handlers.check),
        Route("DELETE", "/v3/roles/{id}/implies/{implied}", handlers.remove),
    )


async def versions(request: web.Request) -> web.Response:
    """``GET /``: 300, the choice is one."""
    address = origin(request)
    return respond(300, {"versions": {"values": [version_view(address)]}}, {"Location": f"{address}/v3/"})


async def version(request: web.Request) -> web.Response:
    return respond(200, {"version": version_view(origin(request))})
