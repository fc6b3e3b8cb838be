"""One user in one scope with the roles held there: all that a token says, in one statement."""

from dataclasses import dataclass

from stackwire.core.revocations import keys_of
from stackwire.core.tokens import Claims
from stackwire.db.pool import Database
from stackwire.identity.domain.auth_request import Scope, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``enabled``: the user and the user's domain are. ``place_*`` is the scope; None when there is no such place.

    ``roles``: [id, name] each, by name, implied ones included. ``void``: the token presented was revoked.
    """

    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str
    password_hash: str | None
    enabled: bool
    place_id: str | None
    place_name: str | None
    place_domain_id: str | None
    place_domain_name: str | None
    place_enabled: bool | None
    roles: list[list[str]]
    void: bool


_SELECT = """
WITH RECURSIVE who AS (
    SELECT u.id AS user_id, u.name AS user_name, d.id AS user_domain_id, d.name AS user_domain_name,
           u.password_hash, u.enabled AND d.enabled AS enabled, u.default_project_id
      FROM users u JOIN domains d ON d.id = u.domain_id WHERE {who}
), place AS ({place}), direct AS (
    SELECT a.role_id FROM assignments a, place, who WHERE a.user_id = who.user_id AND {target}
    UNION
    SELECT a.role_id FROM group_members m JOIN assignments a ON a.group_id = m.group_id, place, who
     WHERE m.user_id = who.user_id AND {target}
), effective AS (
    SELECT role_id FROM direct
    UNION
    SELECT i.implied_id FROM effective e JOIN implied_roles i ON i.prior_id = e.role_id
)
SELECT user_id, user_name, user_domain_id, user_domain_name, password_hash, enabled,
       place_id, place_name, place_domain_id, place_domain_name, place_enabled,
       coalesce((SELECT jsonb_agg(jsonb_build_array(r.id, r.name) ORDER BY r.name)
                   FROM effective e JOIN roles r ON r.id = e.role_id), '[]') AS roles,
       EXISTS (SELECT 1 FROM revocations WHERE key = ANY ($5::text[]) AND before >= $6::timestamptz) AS void
  FROM who LEFT JOIN place ON true"""

_PROJECT = """
    SELECT p.id AS place_id, p.name AS place_name, pd.id AS place_domain_id, pd.name AS place_domain_name,
           p.enabled AND pd.enabled AS place_enabled
      FROM projects p JOIN domains pd ON pd.id = p.domain_id WHERE """
_DOMAIN = """
    SELECT sd.id AS place_id, sd.name AS place_name, NULL::text AS place_domain_id, NULL::text AS place_domain_name,
           sd.enabled AS place_enabled
      FROM domains sd WHERE """
_FIXED = """
    SELECT 'all' AS place_id, 'all' AS place_name, NULL::text AS place_domain_id, NULL::text AS place_domain_name,
           true AS place_enabled WHERE """

# $1, $2: the user; $3, $4: the place; $5, $6: the keys and time of a token presented.
_USER = {
    "id": "u.id = $1::text AND $2::text IS NULL",
    "domain_id": "u.name = $1 AND d.id = $2",
    "domain_name": "u.name = $1 AND d.name = $2",
}
_PLACES = {
    ("project", "id"): _PROJECT + "p.id = $3::text AND $4::text IS NULL",
    ("project", "domain_id"): _PROJECT + "p.name = $3 AND pd.id = $4",
    ("project", "domain_name"): _PROJECT + "p.name = $3 AND pd.name = $4",
    ("domain", "id"): _DOMAIN + "sd.id = $3::text AND $4::text IS NULL",
    ("domain", "name"): _DOMAIN + "sd.name = $3::text AND $4::text IS NULL",
    ("system", "id"): _FIXED + "$3::text IS NULL AND $4::text IS NULL",
    ("unscoped", "id"): _FIXED + "false AND $3::text IS NULL AND $4::text IS NULL",
    ("default", "id"): _PROJECT
    + "p.id = (SELECT default_project_id FROM who) AND $3::text IS NULL AND $4::text IS NULL",
}
_TARGETS = {
    "project": "a.project_id = place.place_id",
    "default": "a.project_id = place.place_id",
    "domain": "a.domain_id = place.place_id",
    "system": "a.project_id IS NULL AND a.domain_id IS NULL",
    "unscoped": "false",
}


async def standing(
    database: Database, user: Selector, scope: Scope, presented: Claims | None = None
) -> Standing | None:
    """None when there is no such user. ``presented``: the token used to ask, to be looked up among the revoked."""
    who, first, second = _named(user)
    how, third, fourth = _named(scope.place) if scope.place is not None else ("id", None, None)
    sql = _statement(who, scope.kind, how)
    keys, issued_at = (keys_of(presented), presented.issued_at) if presented else ((), None)
    return await database.one(Standing, sql, first, second, third, fourth, keys, issued_at)


def _named(selector: Selector) -> tuple[str, str | None, str | None]:
    """Which form names it, and its two arguments."""
    if selector.id is not None:
        return "id", selector.id, None
    if selector.domain_id is not None:
        return "domain_id", selector.name, selector.domain_id
    if selector.domain_name is not None:
        return "domain_name", selector.name, selector.domain_name
    return "name", selector.name, None


def _statement(who: str, kind: str, how: str) -> str:
    return _SELECT.format(who=_USER[who], place=_PLACES[kind, how], target=_TARGETS[kind])
