"""Who may do what: the default rules, in oslo.policy's language. Source: ``glance/policies/image.py``, ``base.py``."""

from collections.abc import Mapping
from typing import Any, Final

from stackwire.image.domain.cache import CACHE_RULES
from stackwire.image.domain.image import Image
from stackwire.image.domain.metadefs_policy import METADEF_RULES

_ADMIN: Final = "role:admin"
_SERVICE: Final = "role:service or service_roles:service"
_MEMBER: Final = "role:admin or (role:member and project_id:%(project_id)s)"
_VISIBLE: Final = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s"
    " or 'public':%(visibility)s or 'shared':%(visibility)s)"
)

RULES: Final = {
    "default": "",
    "context_is_admin": _ADMIN,
    "add_image": _MEMBER,
    "get_image": f"{_ADMIN} or (role:reader and {_VISIBLE})",
    "get_images": "role:admin or (role:reader and project_id:%(project_id)s)",
    "modify_image": _MEMBER,
    "delete_image": _MEMBER,
    "publicize_image": _ADMIN,
    "communitize_image": _MEMBER,
    "upload_image": _MEMBER,
    "copy_image": _ADMIN,
    "tasks_api_access": _ADMIN,
    "get_image_location": "role:admin or (role:reader and project_id:%(project_id)s)",
    "set_image_location": _MEMBER,
    "delete_image_location": _ADMIN,
    "add_image_location": f"{_SERVICE} or {_MEMBER}",
    "fetch_image_location": _SERVICE,
    "stores_info_detail": _ADMIN,
    "download_image": f"{_ADMIN} or (role:member and {_VISIBLE})",
    "deactivate": _MEMBER,
    "reactivate": _MEMBER,
    "get_members": f"{_ADMIN} or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))",
    "get_member": f"{_ADMIN} or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))",
    "add_member": _MEMBER,
    "delete_member": _MEMBER,
    "modify_member": "role:admin or (role:member and project_id:%(member_id)s)",
    **METADEF_RULES,
    **CACHE_RULES,
}


OWNER_RULES: Final = frozenset({"set_image_location", "delete_image_location", "add_image_location"})
"""The rules for locations that only the owner passes."""


def target_of(image: Image, project_id: str | None) -> Mapping[str, Any]:
    """The target of the rules; ``project_id`` is the caller's project, which is named when it is a member."""
    return {
        "project_id": image.owner or "",
        "member_id": project_id if image.member_status is not None else "",
        "visibility": image.visibility,
    }
