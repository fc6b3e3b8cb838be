"""Response bodies of application credentials, trusts and credentials, in Keystone's form."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stackwire.core.attributes import nulls
from stackwire.identity.domain.entities import ROLE, Row
from stackwire.identity.http.views import entity_view, timestamp

_ROLE_FIELDS = ("id", "name", "domain_id", "description", "options")


def application_credential_view(row: Row, origin: str, secret: str | None = None) -> dict[str, Any]:
    """``secret`` is in the answer to its creation, and in no other."""
    view = {
        **{key: row[key] for key in ("id", "name", "description", "project_id", "user_id", "unrestricted", "system")},
        "expires_at": None if row["expires_at"] is None else row["expires_at"].strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "roles": [_role_view(role, origin) for role in row["roles"]],
        "links": {"self": f"{origin}/v3/application_credentials/{row['id']}"},
    }
    if row["access_rules"]:
        view["access_rules"] = row["access_rules"]
    return view if secret is None else {**view, "secret": secret}


def token_part(row: Row) -> dict[str, Any]:
    """What a token's body says of its application credential."""
    view = {"id": row["id"], "name": row["name"], "restricted": not row["unrestricted"]}
    return {**view, "access_rules": row["access_rules"]} if row["access_rules"] else view


def access_rule_view(row: Row, origin: str) -> dict[str, Any]:
    """A rule of a user's."""
    return {**row, "links": {"self": f"{origin}/v3/access_rules/{row['id']}"}}


def trust_view(row: Row, origin: str) -> dict[str, Any]:
    """A trust; lists leave the roles out."""
    fields = (
        "id trustor_user_id trustee_user_id project_id impersonation remaining_uses redelegated_trust_id"
        " redelegation_count"
    )
    view = {
        **row["extra"],
        **{key: row[key] for key in fields.split()},
        **nulls("deleted_at"),
        "expires_at": _time(row["expires_at"]),
        "links": {"self": f"{origin}/v3/OS-TRUST/trusts/{row['id']}"},
    }
    return {**view, **trust_roles_view(row, origin)} if "roles" in row else view


def trust_roles_view(row: Row, origin: str) -> dict[str, Any]:
    """The roles of a trust, with the links Keystone gives them."""
    links = {"self": f"{origin}/v3/{row['id']}/roles", "next": None, "previous": None}
    return {"roles": [entity_view(ROLE, role, origin) for role in row["roles"]], "roles_links": links}


def credential_view(row: Row, origin: str) -> dict[str, Any]:
    """A credential, its blob as its owner gave it."""
    fields = {key: row[key] for key in ("id", "user_id", "project_id", "type", "blob")}
    return {**row["extra"], **fields, "links": {"self": f"{origin}/v3/credentials/{row['id']}"}}


def keys_view(row: Row, origin: str) -> dict[str, Any]:
    """The same as a pair of EC2 keys."""
    blob: Mapping[str, Any] = json.loads(row["blob"])
    return {
        "user_id": row["user_id"],
        "tenant_id": row["project_id"],
        **{key: blob.get(key) for key in ("access", "secret", "trust_id")},
        "links": {"self": f"{origin}/v3/users/{row['user_id']}/credentials/OS-EC2/{blob.get('access')}"},
    }


def _role_view(role: Row, origin: str) -> dict[str, Any]:
    view = entity_view(ROLE, role, origin)
    return {key: view[key] for key in _ROLE_FIELDS}


def _time(time: datetime | None) -> str | None:
    return None if time is None else timestamp(time)
