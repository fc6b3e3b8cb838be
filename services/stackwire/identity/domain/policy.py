"""Who may do what: Keystone's rule names and defaults, so that operators' policy files work as they are.

Source: ``keystone/common/policies/*.py``. An administrator of any project is one of the cloud, as in Keystone.
"""

from collections.abc import Mapping

_ADMIN = "rule:admin_required"
_OWNER = "user_id:%(user_id)s"
_READER = "rule:admin_required or rule:system_reader"
_DOMAIN_READER = f"{_READER} or (role:reader and domain_id:%(target.domain_id)s)"
_SELF = "user_id:%(target.user.id)s"
_TRUSTOR = "user_id:%(target.trust.trustor_user_id)s"
_TRUSTEE = "user_id:%(target.trust.trustee_user_id)s"
_CREDENTIAL_OWNER = "user_id:%(target.credential.user_id)s"
_MEMBER_AND_OWNER = f"(role:member and {_CREDENTIAL_OWNER})"
_TOKEN_OWNER = "user_id:%(target.token.user_id)s"  # noqa: S105  # a rule, not a secret

_READ_RULES = """
    list_domains get_role check_grant list_grants check_system_grant_for_user list_system_grants_for_user
    check_system_grant_for_group list_system_grants_for_group list_role_assignments list_implied_roles
    get_implied_role check_implied_role list_role_inference_rules get_service list_services get_endpoint
    list_endpoints"""
_DOMAIN_READ_RULES = "list_projects list_users get_group list_groups list_users_in_group check_user_in_group"
_ADMIN_RULES = """
    create_service update_service delete_service create_endpoint update_endpoint delete_endpoint
    create_region update_region delete_region
    create_domain update_domain delete_domain create_project update_project delete_project
    create_user update_user delete_user create_group update_group delete_group create_role update_role delete_role
    add_user_to_group remove_user_from_group create_grant revoke_grant
    create_system_grant_for_user revoke_system_grant_for_user
    create_system_grant_for_group revoke_system_grant_for_group create_implied_role delete_implied_role"""


def _identity(rules: str, check: str) -> dict[str, str]:
    return {f"identity:{rule}": check for rule in rules.split()}


RULES: Mapping[str, str] = {
    "admin_required": "role:admin",
    "system_reader": "role:reader and system_scope:all",
    "service_role": "role:service",
    "service_or_admin": "rule:admin_required or rule:service_role",
    "owner": _OWNER,
    "admin_or_owner": "rule:admin_required or rule:owner",
    **_identity(_READ_RULES, _READER),
    **_identity(_DOMAIN_READ_RULES, _DOMAIN_READER),
    **_identity(_ADMIN_RULES, _ADMIN),
    **_identity("list_user_projects get_user list_groups_for_user", f"{_DOMAIN_READER} or {_SELF}"),
    **_identity("check_token validate_token", f"{_READER} or rule:service_role or {_TOKEN_OWNER}"),
    "identity:get_domain": f"{_READER} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s",
    "identity:get_project": f"{_DOMAIN_READER} or project_id:%(target.project.id)s",
    "identity:list_roles": f"{_READER} or role:manager",
    "identity:revoke_token": f"{_ADMIN} or {_TOKEN_OWNER}",
    **_identity("get_application_credential list_application_credentials", f"{_READER} or rule:owner"),
    "identity:create_application_credential": _OWNER,
    "identity:delete_application_credential": "rule:admin_or_owner",
    **_identity("get_access_rule list_access_rules", f"rule:system_reader or {_SELF}"),
    "identity:delete_access_rule": f"(role:admin and system_scope:all) or {_SELF}",
    "identity:create_trust": _TRUSTOR,
    "identity:list_trusts": _READER,
    "identity:list_trusts_for_trustor": f"{_READER} or {_TRUSTOR}",
    "identity:list_trusts_for_trustee": f"{_READER} or {_TRUSTEE}",
    **_identity("get_trust list_roles_for_trust get_role_for_trust", f"{_READER} or {_TRUSTOR} or {_TRUSTEE}"),
    "identity:delete_trust": f"{_ADMIN} or {_TRUSTOR}",
    **_identity("get_credential list_credentials ec2_get_credential", f"{_READER} or {_CREDENTIAL_OWNER}"),
    **_identity("create_credential update_credential delete_credential", f"{_ADMIN} or {_CREDENTIAL_OWNER}"),
    "identity:ec2_list_credentials": f"{_READER} or rule:owner",
    **_identity("ec2_create_credential ec2_delete_credential", f"{_ADMIN} or {_MEMBER_AND_OWNER}"),
    "identity:ec2tokens_validate": "rule:service_or_admin",
    **_identity("create_registered_limits update_registered_limit delete_registered_limit", _ADMIN),
    **_identity("create_limits update_limit delete_limit", _ADMIN),
    "identity:get_limit": (
        f"{_READER} or domain_id:%(target.limit.domain_id)s or domain_id:%(target.limit.project.domain_id)s"
        " or project_id:%(target.limit.project_id)s"
    ),
}
