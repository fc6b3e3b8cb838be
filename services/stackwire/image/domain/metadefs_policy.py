"""Who may do what with metadata definitions: only an admin writes, as Glance learnt in 2021.

Source: ``glance/policies/metadef.py``.
"""

from collections.abc import Mapping
from typing import Any, Final

from stackwire.image.domain.metadefs import Kind, Namespace

_READ: Final = "role:admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
_WRITE: Final = "rule:metadef_admin"

METADEF_RULES: Final = {
    "metadef_default": "",
    "metadef_admin": "role:admin",
    "get_metadef_namespaces": "role:admin or (role:reader and project_id:%(project_id)s)",
    **dict.fromkeys(
        (
            *("get_metadef_namespace", "list_metadef_resource_types", "get_metadef_resource_type"),
            *("get_metadef_object", "get_metadef_objects", "get_metadef_property", "get_metadef_properties"),
            *("get_metadef_tag", "get_metadef_tags"),
        ),
        _READ,
    ),
    **dict.fromkeys(
        (
            *("add_metadef_namespace", "modify_metadef_namespace", "delete_metadef_namespace"),
            *("add_metadef_object", "modify_metadef_object", "delete_metadef_object"),
            *("add_metadef_property", "modify_metadef_property", "remove_metadef_property"),
            *("add_metadef_tag", "add_metadef_tags"),
            *("modify_metadef_tag", "delete_metadef_tag", "delete_metadef_tags"),
            *("add_metadef_resource_type_association", "remove_metadef_resource_type_association"),
        ),
        _WRITE,
    ),
}

LIST_RULE: Final[Mapping[Kind, str]] = {
    "object": "get_metadef_objects",
    "property": "get_metadef_properties",
    "tag": "get_metadef_tags",
}
DELETE_RULE: Final[Mapping[Kind, str]] = {
    "object": "delete_metadef_object",
    "property": "remove_metadef_property",
    "tag": "delete_metadef_tag",
}
CLEAR_RULES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "object": ("delete_metadef_namespace",),
    "property": ("delete_metadef_namespace",),
    "tag": ("delete_metadef_namespace", "delete_metadef_tags"),
}


def target_of(namespace: Namespace) -> Mapping[str, Any]:
    """The target that the rules are checked against."""
    return {"project_id": namespace.owner or "", "visibility": namespace.visibility}
