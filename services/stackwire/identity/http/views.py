"""How identity shows things: Keystone's own bodies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stackwire.core.tokens import Claims


def instant(moment: datetime) -> str:
    """``2026-11-20T21:23:39.000000Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def token_view(claims: Claims, catalog: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """The body behind a token. ``catalog`` None leaves it out (``?nocatalog``); unscoped tokens never have one."""
    audit_ids = [claims.audit_id, claims.audit_chain_id]
    view: dict[str, Any] = {
        "methods": list(claims.methods),
        "user": {
            "domain": {"id": claims.user_domain_id, "name": claims.user_domain_name},
            "id": claims.user_id,
            "name": claims.user_name,
            "password_expires_at": None,
        },
        "audit_ids": [audit_id for audit_id in audit_ids if audit_id],
        "expires_at": instant(claims.expires_at),
        "issued_at": instant(claims.issued_at),
    }
    scope = _scope(claims)
    if not scope:
        return view
    view |= scope
    view["roles"] = [{"id": role_id, "name": name} for role_id, name in claims.roles]
    if catalog is not None:
        view["catalog"] = list(catalog)
    return view


def _scope(claims: Claims) -> dict[str, Any]:
    if claims.project_id:
        domain = {"id": claims.project_domain_id, "name": claims.project_domain_name}
        return {
            "project": {"domain": domain, "id": claims.project_id, "name": claims.project_name},
            "is_domain": False,
        }
    if claims.domain_id:
        return {"domain": {"id": claims.domain_id, "name": claims.domain_name}}
    return {"system": {"all": True}} if claims.system else {}


def noun_view(row: Mapping[str, Any], own: Mapping[str, Any], self_url: str) -> dict[str, Any]:
    """A domain, project, user, group or role: what it has, what its kind always shows (``own``), what it was given."""
    shown = {key: value for key, value in row.items() if key not in _HIDDEN and not _unset(key, value)}
    return {**row.get("extra", {}), **own, **shown, "links": {"self": self_url}}


_HIDDEN = frozenset({"extra", "password_hash"})
_ONLY_WHEN_SET = frozenset({"default_project_id"})


def _unset(key: str, value: object) -> bool:
    return value is None and key in _ONLY_WHEN_SET


def version_view(origin: str) -> dict[str, Any]:
    """Identity API 3.14: what the recorded Keystone says of itself."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{origin}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
