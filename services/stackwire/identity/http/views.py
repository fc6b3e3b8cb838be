"""Response bodies, in Keystone's form."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from stackwire.core.tokens import Claims
from stackwire.identity.domain.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, EntityType, Row


def timestamp(time: datetime) -> str:
    """``2026-11-20T21:23:39.000000Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def token_view(claims: Claims, catalog: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """A token's body. ``catalog`` None leaves it out (``?nocatalog``); unscoped tokens never have one."""
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
        "expires_at": timestamp(claims.expires_at),
        "issued_at": timestamp(claims.issued_at),
    }
    scope = _scope(claims)
    if not scope:
        return view
    view |= scope
    if claims.trust_id is not None:
        del view["is_domain"]  # Source: keystone/common/render_token.py
        view["OS-TRUST:trust"] = {
            "id": claims.trust_id,
            "trustor_user": {"id": claims.trustor_user_id},
            "trustee_user": {"id": claims.trustee_user_id},
            "impersonation": claims.impersonation,
        }
    view["roles"] = [{"id": role_id, "name": name} for role_id, name in claims.roles]
    if catalog is not None:
        view["catalog"] = list(catalog)
    return view


def _scope(claims: Claims) -> dict[str, Any]:
    if claims.project_id:
        domain = {"id": claims.project_domain_id, "name": claims.project_domain_name}
        return {"project": {"domain": domain, "id": claims.project_id, "name": claims.project_name}, "is_domain": False}
    if claims.domain_id:
        return {"domain": {"id": claims.domain_id, "name": claims.domain_name}}
    return {"system": {"all": True}} if claims.system else {}


_HIDDEN = frozenset({"extra", "password_hash"})
_ONLY_WHEN_SET = frozenset({"default_project_id"})
_CONSTANTS: Mapping[str, Mapping[str, Any]] = {
    PROJECT.name: {"is_domain": False, "options": {}},
    USER.name: {"password_expires_at": None, "options": {}},
    ROLE.name: {"domain_id": None, "options": {}},
    GROUP.name: {},
    DOMAIN.name: {"tags": [], "options": {}},
}


def entity_view(entity_type: EntityType, row: Row, origin: str) -> dict[str, Any]:
    """An entity: its attributes, the constants of its type, and the extra attributes it was given."""
    attributes = {
        key: value for key, value in row.items() if key not in _HIDDEN and not (value is None and key in _ONLY_WHEN_SET)
    }
    links = {"self": f"{origin}/v3/{entity_type.plural}/{row['id']}"}
    return {**row.get("extra", {}), **_CONSTANTS[entity_type.name], **attributes, "links": links}


# -- role assignments and implied roles


def assignment_view(row: Row, origin: str, *, names: bool) -> dict[str, Any]:
    """One assignment; ``names`` adds the names of its role, actor and scope."""

    def reference(entity: str) -> dict[str, Any]:
        view: dict[str, Any] = {"id": row[f"{entity}_id"]}
        if names:
            view["name"] = row[f"{entity}_name"]
            if f"{entity}_domain_id" in row:
                view["domain"] = {"id": row[f"{entity}_domain_id"], "name": row[f"{entity}_domain_name"]}
        return view

    actor = "user" if row["user_id"] is not None else "group"
    scope = next((entity for entity in ("project", "domain") if row[f"{entity}_id"] is not None), None)
    path = f"{scope}s/{row[f'{scope}_id']}" if scope else "system"
    return {
        "role": reference("role"),
        actor: reference(actor),
        "scope": {scope: reference(scope)} if scope else {"system": {"all": True}},
        "links": {"assignment": f"{origin}/v3/{path}/{actor}s/{row[f'{actor}_id']}/roles/{row['role_id']}"},
    }


def inference_view(row: Row, origin: str) -> dict[str, Any]:
    """One pair of a prior role and the role it implies."""
    return {"prior_role": _prior_view(row, origin), "implies": _implied_view(row, origin)}


def implied_roles_view(prior_id: str, rows: Sequence[Row], origin: str) -> dict[str, Any]:
    """Everything one role implies. A role that implies nothing is named by its id alone."""
    prior = _prior_view(rows[0], origin) if rows else {"id": prior_id}
    return {"prior_role": prior, "implies": [_implied_view(row, origin) for row in rows]}


def inferences_view(rows: Iterable[Row], origin: str) -> list[dict[str, Any]]:
    """All rules, grouped by prior role."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["prior_id"], []).append(row)
    return [implied_roles_view(prior_id, members, origin) for prior_id, members in grouped.items()]


def _prior_view(row: Row, origin: str) -> dict[str, Any]:
    return _role_view(row["prior_id"], row["prior_name"], origin)


def _implied_view(row: Row, origin: str) -> dict[str, Any]:
    return _role_view(row["implied_id"], row["implied_name"], origin)


def _role_view(id: str, name: str, origin: str) -> dict[str, Any]:
    return {"id": id, "name": name, "links": {"self": f"{origin}/v3/roles/{id}"}}


def version_view(origin: str) -> dict[str, Any]:
    """Identity API 3.14."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{origin}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
