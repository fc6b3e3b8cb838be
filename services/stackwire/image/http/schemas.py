"""Request bodies that are read here: members, the store of an import, the size of an upload.

Images, patches, tasks, locations and metadata definitions are read by the domain, which RPC shares.
"""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, NotSimulated, UnsupportedMedia
from stackwire.image.domain.attributes import NAME_CHARACTERS
from stackwire.image.domain.errors import Invalid

STORE_HEADER = "x-image-meta-store"
OCTET_STREAM = "application/octet-stream"


def read_member(body: Any) -> str:
    """The project of ``POST /v2/images/{image_id}/members``. Raises Invalid."""
    member = _value(body, "member")
    if not _is_project(member):
        raise Invalid(reason=f"member is a project's id of at most {NAME_CHARACTERS} characters")
    return str(member)


def read_member_status(body: Any) -> Any:
    """The status of ``PUT .../members/{member}``, not validated yet. Clients repeat the member in the body."""
    return _value(body, "status")


def _value(body: Any, name: str) -> Any:
    """Keys that nobody knows are allowed: ``glance/api/v2/image_members.py: RequestDeserializer``."""
    if not isinstance(body, dict) or name not in body:
        raise Invalid(reason=f"the body is an object with the key '{name}'")
    return body[name]


def _is_project(member: Any) -> bool:
    return isinstance(member, str) and 0 < len(member) <= NAME_CHARACTERS


def with_store_header(body: Any, request: web.Request) -> Any:
    """The body of an import with the store that the header names: ``common/utils.py: get_stores_from_request``."""
    store = request.headers.get(STORE_HEADER)
    if store is None or not isinstance(body, dict):
        return body
    if body.get("all_stores"):
        raise BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
    if body.get("stores", [store]) != [store]:
        raise BadRequest("Stores parameter and x-image-meta-store header can't be both specified")
    return {**body, "stores": [store]}


def read_upload_size(request: web.Request) -> int | None:
    """The announced bytes of image data, if any. UnsupportedMedia unless the body is plain bytes.

    ``x-openstack-image-size`` and Content-Length must agree.
    """
    if request.content_type != OCTET_STREAM or "Content-Type" not in request.headers:
        raise UnsupportedMedia("The media type of image data is application/octet-stream.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Image data is stored as it is sent: Content-Encoding is not supported.")
    announced = request.headers.get("x-openstack-image-size")
    if announced is None:
        return request.content_length
    if not (announced.isascii() and announced.isdigit()) or len(announced) > 18:
        raise BadRequest("x-openstack-image-size is not a number of bytes.")
    if request.content_length is not None and request.content_length != int(announced):
        raise BadRequest("x-openstack-image-size and Content-Length differ.")
    return int(announced)


def has_v1_data(request: web.Request) -> bool:
    """Whether a v1 request carries image data: an empty body is none. Raises BadRequest for another media type."""
    if not request.body_exists or request.content_length == 0:
        return False
    if request.content_type != OCTET_STREAM or "Content-Type" not in request.headers:
        raise BadRequest("Content-Type must be application/octet-stream")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadRequest("Image data is stored as it is sent: Content-Encoding is not supported.")
    return True


def read_v1_memberships(body: Any) -> list[str]:
    """The projects of ``PUT /v1/images/{image_id}/members``, each once. Raises BadRequest."""
    listed = _v1_only_key(body, "memberships")
    if not isinstance(listed, list):
        raise BadRequest("'memberships' is a list.")
    return list(dict.fromkeys(_v1_membership(entry) for entry in listed))


def _v1_membership(entry: Any) -> str:
    if not isinstance(entry, dict) or "member_id" not in entry or not set(entry) <= {"member_id", "can_share"}:
        raise BadRequest("A membership has a 'member_id' and may have 'can_share'.")
    _check_can_share({key: value for key, value in entry.items() if key != "member_id"})
    return check_v1_project(entry["member_id"])


def check_v1_project(member: Any) -> str:
    """A member of the v1 API: a project's id. Raises BadRequest."""
    if not _is_project(member):
        raise BadRequest(f"A member is a project's id of at most {NAME_CHARACTERS} characters.")
    return str(member)


def check_v1_member(body: Any) -> None:
    """The body of ``PUT /v1/images/{image_id}/members/{member}``. Raises BadRequest, NotSimulated."""
    _check_can_share(_v1_only_key(body, "member"))


def _check_can_share(member: Any) -> None:
    if not isinstance(member, dict) or not set(member) <= {"can_share"}:
        raise BadRequest("A member may only have 'can_share'.")
    if not isinstance(member.get("can_share", False), bool):
        raise BadRequest("'can_share' is true or false.")
    if member.get("can_share"):
        raise NotSimulated(what="members that share an image on (can_share)")


def _v1_only_key(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or set(body) != {name}:
        raise BadRequest(f"The body is an object with the one key '{name}'.")
    return body[name]
