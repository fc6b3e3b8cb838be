"""Who may do what: Keystone's rule names and defaults, so that operators' policy files work as they are.

Source: ``keystone/common/policies/*.py``. An administrator of any project is one of the cloud, as in Keystone.
"""

from collections.abc import Mapping

_ADMIN = "rule:admin_required"
_READER = "rule:admin_required or rule:system_reader"
_DOMAIN_READER = f"{_READER} or (role:reader and domain_id:%(target.domain_id)s)"
_SELF = "user_id:%(target.user.id)s"
_TOKEN_OWNER = "user_id:%(target.token.user_id)s"  # noqa: S105  # a rule, not a secret

RULES: Mapping[str, str] = {
    "admin_required": "role:admin",
    "system_reader": "role:reader and system_scope:all",
    "service_role": "role:service",
    "identity:get_domain": f"{_READER} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s",
    "identity:list_domains": _READER,
    "identity:get_project": f"{_DOMAIN_READER} or project_id:%(target.project.id)s",
    "identity:list_projects": _DOMAIN_READER,
    "identity:list_user_projects": f"{_DOMAIN_READER} or {_SELF}",
    "identity:get_user": f"{_DOMAIN_READER} or {_SELF}",
    "identity:list_users": _DOMAIN_READER,
    "identity:get_group": _DOMAIN_READER,
    "identity:list_groups": _DOMAIN_READER,
    "identity:list_groups_for_user": f"{_DOMAIN_READER} or {_SELF}",
    "identity:list_users_in_group": _DOMAIN_READER,
    "identity:check_user_in_group": _DOMAIN_READER,
    "identity:get_role": _READER,
    "identity:list_roles": f"{_READER} or role:manager",
    "identity:check_grant": _READER,
    "identity:list_grants": _READER,
    "identity:check_system_grant_for_user": _READER,
    "identity:list_system_grants_for_user": _READER,
    "identity:check_system_grant_for_group": _READER,
    "identity:list_system_grants_for_group": _READER,
    "identity:list_role_assignments": _READER,
    "identity:list_implied_roles": _READER,
    "identity:get_implied_role": _READER,
    "identity:check_implied_role": _READER,
    "identity:list_role_inference_rules": _READER,
    "identity:get_service": _READER,
    "identity:list_services": _READER,
    "identity:get_endpoint": _READER,
    "identity:list_endpoints": _READER,
    "identity:check_token": f"{_READER} or rule:service_role or {_TOKEN_OWNER}",
    "identity:validate_token": f"{_READER} or rule:service_role or {_TOKEN_OWNER}",
    "identity:revoke_token": f"{_ADMIN} or {_TOKEN_OWNER}",
    **{
        f"identity:{verb}_{entity}": _ADMIN
        for entity in ("domain", "project", "user", "group", "role")
        for verb in ("create", "update", "delete")
    },
    **{
        f"identity:{rule}": _ADMIN
        for rule in (
            "add_user_to_group",
            "remove_user_from_group",
            "create_grant",
            "revoke_grant",
            "create_system_grant_for_user",
            "revoke_system_grant_for_user",
            "create_system_grant_for_group",
            "revoke_system_grant_for_group",
            "create_implied_role",
            "delete_implied_role",
        )
    },
}
