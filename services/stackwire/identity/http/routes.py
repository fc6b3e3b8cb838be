"""Identity's API on one page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stackwire.http.app import Route
from stackwire.identity.domain.entities import ENTITY_TYPES
from stackwire.identity.flows.api.application_credentials import ApplicationCredentials
from stackwire.identity.flows.api.catalog import CatalogFlows
from stackwire.identity.flows.api.credentials import Credentials
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.flows.api.limits import Limits
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.flows.api.project_tags import ProjectTags
from stackwire.identity.flows.api.role_inferences import RoleInferences
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.flows.api.trusts import Trusts
from stackwire.identity.http.application_credentials import ApplicationCredentialHandlers
from stackwire.identity.http.catalog import KINDS, CatalogHandlers
from stackwire.identity.http.credentials import CredentialHandlers, KeyHandlers
from stackwire.identity.http.entities import EntityHandlers
from stackwire.identity.http.grants import ACTORS, SCOPES, AssignmentHandlers, GrantHandlers, grants_path
from stackwire.identity.http.groups import MembershipHandlers
from stackwire.identity.http.limits import KINDS as LIMITS
from stackwire.identity.http.limits import LimitHandlers, model
from stackwire.identity.http.project_tags import ProjectTagHandlers
from stackwire.identity.http.role_inferences import RoleInferenceHandlers
from stackwire.identity.http.tokens import TokenHandlers
from stackwire.identity.http.trusts import TrustHandlers
from stackwire.identity.http.unsupported import unsupported
from stackwire.identity.http.users import UserHandlers
from stackwire.identity.http.versions import version, versions


@dataclass(frozen=True, slots=True)
class IdentityFlows:
    """The flows that requests reach."""

    tokens: Tokens
    directory: Directory
    tags: ProjectTags
    grants: Grants
    inferences: RoleInferences
    membership: Membership
    application_credentials: ApplicationCredentials
    trusts: Trusts
    credentials: Credentials
    catalog: CatalogFlows
    limits: Limits


def routes(flows: IdentityFlows) -> list[Route]:
    """Every route; those that are public need no token. Whatever can be read answers HEAD too, as Flask's routes do."""
    table = _table(flows)
    known = {route.path for route in table if route.method == "HEAD"}
    heads = [replace(each, method="HEAD") for each in table if each.method == "GET" and each.path not in known]
    return [*table, *heads, *unsupported()]


def _table(flows: IdentityFlows) -> Sequence[Route]:
    return [
        Route("GET", "/", versions, public=True),
        Route("GET", "/v3", version, public=True),
        Route("GET", "/v3/", version, public=True),
        *_auth(TokenHandlers(flows.tokens, flows.membership, flows.catalog)),
        Route("POST", "/v3/users/{id}/password", UserHandlers(flows.directory).change_password, public=True),
        *(
            route
            for entity_type in ENTITY_TYPES
            for route in _entities(entity_type.plural, EntityHandlers(entity_type, flows.directory))
        ),
        *_tags(ProjectTagHandlers(flows.tags)),
        *_groups(MembershipHandlers(flows.membership)),
        *(
            route
            for scope in SCOPES
            for actor in ACTORS
            for route in _grants(grants_path(scope, actor), GrantHandlers(flows.grants, scope, actor))
        ),
        Route("GET", "/v3/role_assignments", AssignmentHandlers(flows.grants).list),
        *_implied(RoleInferenceHandlers(flows.inferences)),
        *_application_credentials(ApplicationCredentialHandlers(flows.application_credentials)),
        *_trusts(TrustHandlers(flows.trusts)),
        *_credentials(CredentialHandlers(flows.credentials), KeyHandlers(flows.credentials)),
        *(route for kind in KINDS for route in _catalog(f"/v3/{kind}s", CatalogHandlers(kind, flows.catalog))),
        Route("PUT", "/v3/regions/{id}", CatalogHandlers("region", flows.catalog).put),
        Route("GET", "/v3/limits/model", model),
        *(route for kind in LIMITS for route in _catalog(f"/v3/{kind}s", LimitHandlers(kind, flows.limits))),
    ]


def _auth(handlers: TokenHandlers) -> Sequence[Route]:
    return (
        Route("POST", "/v3/auth/tokens", handlers.issue, public=True),
        Route("GET", "/v3/auth/tokens", handlers.show),
        Route("HEAD", "/v3/auth/tokens", handlers.check),
        Route("DELETE", "/v3/auth/tokens", handlers.revoke),
        Route("POST", "/v3/ec2tokens", handlers.issue_for_signature),
        Route("GET", "/v3/auth/catalog", handlers.catalog),
        Route("GET", "/v3/auth/projects", handlers.projects),
        Route("GET", "/v3/auth/domains", handlers.domains),
        Route("GET", "/v3/auth/system", handlers.system),
    )


def _entities(plural: str, handlers: EntityHandlers) -> Sequence[Route]:
    return (
        Route("GET", f"/v3/{plural}", handlers.list),
        Route("POST", f"/v3/{plural}", handlers.create),
        Route("GET", f"/v3/{plural}/{{id}}", handlers.show),
        Route("PATCH", f"/v3/{plural}/{{id}}", handlers.update),
        Route("DELETE", f"/v3/{plural}/{{id}}", handlers.delete),
    )


def _tags(handlers: ProjectTagHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/projects/{id}/tags", handlers.list),
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
        Route("GET", "/v3/groups/{id}/users/{user}", handlers.check),
        Route("DELETE", "/v3/groups/{id}/users/{user}", handlers.remove),
        Route("GET", "/v3/users/{id}/groups", handlers.groups),
        Route("GET", "/v3/users/{id}/projects", handlers.projects),
    )


def _grants(path: str, handlers: GrantHandlers) -> Sequence[Route]:
    return (
        Route("GET", path, handlers.list),
        Route("PUT", f"{path}/{{role}}", handlers.add),
        Route("HEAD", f"{path}/{{role}}", handlers.check),
        Route("GET", f"{path}/{{role}}", handlers.check),
        Route("DELETE", f"{path}/{{role}}", handlers.remove),
    )


def _implied(handlers: RoleInferenceHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/role_inferences", handlers.list),
        Route("GET", "/v3/roles/{id}/implies", handlers.list_of_role),
        Route("PUT", "/v3/roles/{id}/implies/{implied}", handlers.add),
        Route("GET", "/v3/roles/{id}/implies/{implied}", handlers.show),
        Route("HEAD", "/v3/roles/{id}/implies/{implied}", handlers.check),
        Route("DELETE", "/v3/roles/{id}/implies/{implied}", handlers.remove),
    )


def _application_credentials(handlers: ApplicationCredentialHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/users/{user}/application_credentials", handlers.list),
        Route("POST", "/v3/users/{user}/application_credentials", handlers.create),
        Route("GET", "/v3/users/{user}/application_credentials/{id}", handlers.show),
        Route("DELETE", "/v3/users/{user}/application_credentials/{id}", handlers.delete),
        Route("GET", "/v3/users/{user}/access_rules", handlers.rules),
        Route("GET", "/v3/users/{user}/access_rules/{id}", handlers.rule),
        Route("DELETE", "/v3/users/{user}/access_rules/{id}", handlers.delete_rule),
    )


def _trusts(handlers: TrustHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/OS-TRUST/trusts", handlers.list),
        Route("POST", "/v3/OS-TRUST/trusts", handlers.create),
        Route("GET", "/v3/OS-TRUST/trusts/{id}", handlers.show),
        Route("DELETE", "/v3/OS-TRUST/trusts/{id}", handlers.delete),
        Route("GET", "/v3/OS-TRUST/trusts/{id}/roles", handlers.roles),
        Route("GET", "/v3/OS-TRUST/trusts/{id}/roles/{role}", handlers.role),
    )


def _credentials(handlers: CredentialHandlers, keys: KeyHandlers) -> Sequence[Route]:
    return (
        Route("GET", "/v3/credentials", handlers.list),
        Route("POST", "/v3/credentials", handlers.create),
        Route("GET", "/v3/credentials/{id}", handlers.show),
        Route("PATCH", "/v3/credentials/{id}", handlers.update),
        Route("DELETE", "/v3/credentials/{id}", handlers.delete),
        Route("GET", "/v3/users/{user}/credentials/OS-EC2", keys.list),
        Route("POST", "/v3/users/{user}/credentials/OS-EC2", keys.create),
        Route("GET", "/v3/users/{user}/credentials/OS-EC2/{access}", keys.show),
        Route("DELETE", "/v3/users/{user}/credentials/OS-EC2/{access}", keys.delete),
    )


def _catalog(path: str, handlers: CatalogHandlers | LimitHandlers) -> Sequence[Route]:
    return (
        Route("GET", path, handlers.list),
        Route("POST", path, handlers.create),
        Route("GET", f"{path}/{{id}}", handlers.show),
        Route("PATCH", f"{path}/{{id}}", handlers.update),
        Route("DELETE", f"{path}/{{id}}", handlers.delete),
    )
