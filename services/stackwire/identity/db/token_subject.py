"""A user, a scope and the user's roles on it: everything a token contains, in one statement."""

from dataclasses import dataclass

from stackwire.core.revocations import keys_of
from stackwire.core.tokens import Claims
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.identity.domain.requests import Scope, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSubject:
    """``enabled``: the user and the user's domain are. ``scope_*`` are None when there is no such scope.

    ``roles``: [id, name] each, by name, implied ones included. ``revoked``: the token presented is.
    """

    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str
    password_hash: str | None
    enabled: bool
    scope_id: str | None
    scope_name: str | None
    scope_domain_id: str | None
    scope_domain_name: str | None
    scope_enabled: bool | None
    roles: list[list[str]]
    revoked: bool


_SELECT_SUBJECT = """
WITH RECURSIVE who AS (
    SELECT u.id AS user_id, u.name AS user_name, d.id AS user_domain_id, d.name AS user_domain_name,
           u.password_hash, u.enabled AND d.enabled AS enabled, u.default_project_id
      FROM users u JOIN domains d ON d.id = u.domain_id WHERE {who}
), scope AS ({scope}), direct AS (
    SELECT a.role_id FROM assignments a, scope, who WHERE a.user_id = who.user_id AND {target}
    UNION
    SELECT a.role_id FROM group_members m JOIN assignments a ON a.group_id = m.group_id, scope, who
     WHERE m.user_id = who.user_id AND {target}
), effective AS (
    SELECT role_id FROM direct
    UNION
    SELECT i.implied_id FROM effective e JOIN implied_roles i ON i.prior_id = e.role_id
)
SELECT user_id, user_name, user_domain_id, user_domain_name, password_hash, enabled,
       scope_id, scope_name, scope_domain_id, scope_domain_name, scope_enabled,
       coalesce((SELECT jsonb_agg(jsonb_build_array(r.id, r.name) ORDER BY r.name)
                   FROM effective e JOIN roles r ON r.id = e.role_id), '[]') AS roles,
       EXISTS (SELECT 1 FROM revocations WHERE key = ANY ($5::text[]) AND before >= $6::timestamptz) AS revoked
  FROM who LEFT JOIN scope ON true"""

_PROJECT_SCOPE = """
    SELECT p.id AS scope_id, p.name AS scope_name, pd.id AS scope_domain_id, pd.name AS scope_domain_name,
           p.enabled AND pd.enabled AS scope_enabled
      FROM projects p JOIN domains pd ON pd.id = p.domain_id WHERE """
_DOMAIN_SCOPE = """
    SELECT sd.id AS scope_id, sd.name AS scope_name, NULL::text AS scope_domain_id, NULL::text AS scope_domain_name,
           sd.enabled AS scope_enabled
      FROM domains sd WHERE """
_CONSTANT_SCOPE = """
    SELECT 'all' AS scope_id, 'all' AS scope_name, NULL::text AS scope_domain_id, NULL::text AS scope_domain_name,
           true AS scope_enabled WHERE """

# $1, $2: the user; $3, $4: the scope; $5, $6: the keys and time of a token presented.
_USER = {
    "id": "u.id = $1::text AND $2::text IS NULL",
    "domain_id": "u.name = $1 AND d.id = $2",
    "domain_name": "u.name = $1 AND d.name = $2",
}
_SCOPES = {
    ("project", "id"): _PROJECT_SCOPE + "p.id = $3::text AND $4::text IS NULL",
    ("project", "domain_id"): _PROJECT_SCOPE + "p.name = $3 AND pd.id = $4",
    ("project", "domain_name"): _PROJECT_SCOPE + "p.name = $3 AND pd.name = $4",
    ("domain", "id"): _DOMAIN_SCOPE + "sd.id = $3::text AND $4::text IS NULL",
    ("domain", "name"): _DOMAIN_SCOPE + "sd.name = $3::text AND $4::text IS NULL",
    ("system", "id"): _CONSTANT_SCOPE + "$3::text IS NULL AND $4::text IS NULL",
    ("unscoped", "id"): _CONSTANT_SCOPE + "false AND $3::text IS NULL AND $4::text IS NULL",
    ("default", "id"): _PROJECT_SCOPE
    + "p.id = (SELECT default_project_id FROM who) AND $3::text IS NULL AND $4::text IS NULL",
}
_TARGETS = {
    "project": "a.project_id = scope.scope_id",
    "default": "a.project_id = scope.scope_id",
    "domain": "a.domain_id = scope.scope_id",
    "system": "a.project_id IS NULL AND a.domain_id IS NULL",
    "unscoped": "false",
}


async def load(
    database: Database | Session, user: Selector, scope: Scope, presented: Claims | None = None
) -> TokenSubject | None:
    """None when there is no such user. ``presented``: the token that authenticates the request, if one does."""
    user_by, first, second = _arguments(user)
    scope_by, third, fourth = _arguments(scope.target) if scope.target is not None else ("id", None, None)
    sql = _SELECT_SUBJECT.format(who=_USER[user_by], scope=_SCOPES[scope.type, scope_by], target=_TARGETS[scope.type])
    keys, issued_at = (keys_of(presented), presented.issued_at) if presented else ((), None)
    return await database.one(TokenSubject, sql, first, second, third, fourth, keys, issued_at)


def _arguments(selector: Selector) -> tuple[str, str | None, str | None]:
    """The attribute that selects, and the two arguments of its condition."""
    if selector.id is not None:
        return "id", selector.id, None
    if selector.domain_id is not None:
        return "domain_id", selector.name, selector.domain_id
    if selector.domain_name is not None:
        return "domain_name", selector.name, selector.domain_name
    return "name", selector.name, None
