"""Projects, domains, users, groups and roles (``keystone/{resource,identity,assignment}/schema.py``)."""

from typing import Any

from stackwire.compare.request import Request

BODIES: dict[str, dict[str, Any]] = {
    "project": {
        "name": "{unique}",
        "description": "a",
        "enabled": True,
        "domain_id": "default",
        "parent_id": "default",
        "is_domain": False,
        "tags": ["a"],
        "options": {},
        "custom": "a",
    },
    "domain": {"name": "{unique}", "description": "a", "enabled": False, "options": {}, "custom": "a"},
    "user": {
        "name": "{unique}",
        "description": "a",
        "enabled": True,
        "domain_id": "default",
        "default_project_id": "{any_project}",
        "password": "compared",
        "email": "a@example.org",
        "options": {},
    },
    "group": {"name": "{unique}", "description": "a", "domain_id": "default", "custom": "a"},
    "role": {"name": "{unique}", "description": "a", "options": {}, "custom": "a"},
}
UNDELETABLE = {"domain": ("domain.enabled absent", "domain.enabled true", "domain.enabled true-text")}
"""A domain that is enabled cannot be deleted."""
FIXTURES = {"role": "role"}
QUERIES = {
    "project": {
        "domain_id": "default",
        "parent_id": "{any_project}",
        "enabled": "true",
        "name": "a",
        "is_domain": "false",
    },
    "domain": {"name": "a", "enabled": "true"},
    "user": {"domain_id": "default", "enabled": "true", "name": "a"},
    "group": {"domain_id": "default", "name": "a"},
    "role": {"name": "a"},
}


def _create(root: str) -> Request:
    return Request(
        f"{root}s.create",
        "identity",
        "POST",
        f"/{root}s",
        body={root: BODIES[root]},
        admin=True,
        created=f"{root}.id",
        undo=f"/{root}s/{{}}",
        unvaried=UNDELETABLE.get(root, ()),
    )


def _update(root: str) -> Request:
    fixture = FIXTURES.get(root, f"any_{root}")
    return Request(
        f"{root}s.update",
        "identity",
        "PATCH",
        f"/{root}s/{{{fixture}}}",
        body={root: {key: value for key, value in BODIES[root].items() if key not in ("is_domain", "parent_id")}},
        admin=True,
        unvaried=UNDELETABLE.get(root, ()),
    )


def _list(root: str) -> Request:
    return Request(f"{root}s.list", "identity", "GET", f"/{root}s", query=QUERIES[root], admin=True)


REQUESTS = [
    *(make(root) for make in (_create, _update, _list) for root in BODIES),
    Request(
        "project-tags.replace", "identity", "PUT", "/projects/{any_project}/tags", body={"tags": ["a"]}, admin=True
    ),
    Request(
        "users.change-password",
        "identity",
        "POST",
        "/users/{any_user}/password",
        body={"user": {"password": "another", "original_password": "compared"}},
        renew=("any_user",),
    ),
    Request(
        "role-assignments.list",
        "identity",
        "GET",
        "/role_assignments",
        query={"user.id": "{any_user}", "effective": "", "include_names": "true"},
        admin=True,
    ),
]
