"""Who may do what: Keystone's rule names and defaults, so that operators' policy files work as they are.

Source: ``keystone/common/policies/*.py``. An administrator of any project is one of the cloud, as in Keystone.
"""

from collections.abc import Mapping

_ADMIN = "rule:admin_required"
_READ = "rule:admin_required or rule:system_reader"
_READ_DOMAIN = f"{_READ} or (role:reader and domain_id:%(target.domain_id)s)"
_SELF = "user_id:%(target.user.id)s"
_TOKEN = "user_id:%(target.token.user_id)s"  # noqa: S105  # a rule, not a secret

RULES: Mapping[str, str] = {
    "admin_required": "role:admin",
    "system_reader": "role:reader and system_scope:all",
    "service_role": "role:service",
    "identity:get_domain": f"{_READ} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s",
    "identity:list_domains": _READ,
    "identity:get_project": f"{_READ_DOMAIN} or project_id:%(target.project.id)s",
    "identity:list_projects": _READ_DOMAIN,
    "identity:list_user_projects": f"{_READ_DOMAIN} or {_SELF}",
    "identity:get_user": f"{_READ_DOMAIN} or {_SELF}",
    "identity:list_users": _READ_DOMAIN,
    "identity:get_group": _READ_DOMAIN,
    "identity:list_groups": _READ_DOMAIN,
    "identity:list_groups_for_user": f"{_READ_DOMAIN} or {_SELF}",
    "identity:list_users_in_group": _READ_DOMAIN,
    "identity:check_user_in_group": _READ_DOMAIN,
    "identity:get_role": _READ,
    "identity:list_roles": f"{_READ} or role:manager",
    "identity:check_grant": _READ,
    "identity:list_grants": _READ,
    "identity:check_system_grant_for_user": _READ,
    "identity:list_system_grants_for_user": _READ,
    "identity:check_system_grant_for_group": _READ,
    "identity:list_system_grants_for_group": _READ,
    "identity:list_role_assignments": _READ,
    "identity:list_implied_roles": _READ,
    "identity:get_implied_role": _READ,
    "identity:check_implied_role": _READ,
    "identity:list_role_inference_rules": _READ,
    "identity:get_service": _READ,
    "identity:list_services": _READ,
    "identity:get_endpoint": _READ,
    "identity:list_endpoints": _READ,
    "identity:check_token": f"{_READ} or rule:service_role or {_TOKEN}",
    "identity:validate_token": f"{_READ} or rule:service_role or {_TOKEN}",
    "identity:revoke_token": f"{_ADMIN} or {_TOKEN}",
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
