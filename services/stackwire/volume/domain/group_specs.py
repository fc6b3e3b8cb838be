"""The scheduler's specifications of a new group and of its volume types (cinder/group/api.py: _cast_create_group)."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.attributes import attributes, nulls
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.model import GroupType, QosSpecs, VolumeType
from stackwire.volume.domain.notifications import naive


def group_spec(group: Group, group_type: GroupType) -> dict[str, Any]:
    """Of the group itself."""
    owner = attributes(group, "user_id project_id group_type_id")
    properties = {"size": 0, "status": "creating", **nulls("display_description display_name"), **owner}
    row = {**_row(group_type), **attributes(group_type, "id name description is_public")}
    return {"group_type": row, "group_id": group.id, "volume_properties": properties, "qos_specs": None}


def type_spec(group: Group, volume_type: VolumeType, qos: QosSpecs | None) -> dict[str, Any]:
    """Of one of its volume types."""
    properties = {
        **attributes(group, "user_id project_id availability_zone group_type_id"),
        **nulls("encryption_key_id display_description display_name"),
        "size": 0,
        "status": "creating",
        "attach_status": "detached",
        "volume_type_id": volume_type.id,
    }
    columns = attributes(volume_type, "id name description qos_specs_id is_public extra_specs")
    specs = None if qos is None else {**attributes(qos, "id name consumer specs"), "created_at": naive(qos.created_at)}
    return {
        "volume_type": {**_row(volume_type), **columns},
        "group_id": group.id,
        "volume_properties": properties,
        "qos_specs": specs,
    }


def _row(of: GroupType | VolumeType) -> Mapping[str, Any]:
    times = {"created_at": naive(of.created_at), "updated_at": naive(of.updated_at)}
    return {**times, "deleted_at": None, "deleted": False}
