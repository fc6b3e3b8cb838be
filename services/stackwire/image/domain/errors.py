"""What the image service says no with. Texts say what Glance's say where a client could read them."""

from stackwire.contracts.image import ImageForbidden, ImageInUse, ImageNotFound
from stackwire.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    RangeNotSatisfiable,
    TooLarge,
    UnsupportedMedia,
)

__all__ = ["ImageForbidden", "ImageInUse", "ImageNotFound"]


class Invalid(BadRequest, wire="glance.common.exception.Invalid"):
    """The provided image is invalid: {reason}"""


class ReadOnly(Forbidden, wire="glance.common.exception.ReadonlyProperty"):
    """Attribute '{name}' is read-only."""


class Reserved(Forbidden, wire="glance.common.exception.ReservedProperty"):
    """Attribute '{name}' is reserved."""


class NotYours(Forbidden, wire="stackwire.image.NotYours"):
    """You are not permitted to modify this image."""


class Protected(Forbidden, wire="glance.common.exception.ProtectedImageDelete"):
    """Image {image_id} is protected and cannot be deleted."""


class PropertyForbidden(Forbidden, wire="stackwire.image.PropertyForbidden"):
    """Property '{name}' is protected"""


class FormatFixed(Forbidden, wire="stackwire.image.FormatFixed"):
    """Attribute {name} can be only replaced for a queued image."""


class Deactivated(Forbidden, wire="stackwire.image.Deactivated"):
    """The requested image has been deactivated. Image data download is forbidden."""


class WrongStatus(Forbidden, wire="stackwire.image.WrongStatus"):
    """Status transition from {before} to {after} is not allowed"""


class Duplicate(Conflict, wire="glance.common.exception.Duplicate"):
    """Image ID {image_id} already exists!"""


class PropertyMissing(Conflict, wire="stackwire.image.PropertyMissing"):
    """Property {name} does not exist."""


class PropertyPresent(Conflict, wire="stackwire.image.PropertyPresent"):
    """Property {name} already present."""


class NotQueued(Conflict, wire="glance.common.exception.InvalidImageStatusTransition"):
    """Image status transition from {before} to {after} is not allowed"""


class Vanished(Gone, wire="stackwire.image.Vanished"):
    """Image {image_id} could not be found after upload. The image may have been deleted during the upload."""


class LimitExceeded(TooLarge, wire="glance.common.exception.LimitExceeded"):
    """The limit has been exceeded on the number of allowed image {what}. Attempted: {attempted}, Maximum: {maximum}"""


class ImageTooBig(TooLarge, wire="glance.common.exception.ImageSizeLimitExceeded"):
    """The provided image is too large: at most {maximum} bytes are allowed."""


class StorageFull(TooLarge, wire="glance_store.exceptions.StorageFull"):
    """There is not enough disk space on the image storage media."""


class ContentRefused(UnsupportedMedia, wire="stackwire.image.ContentRefused"):
    """Image content is not acceptable: {reason}"""


class BadRange(RangeNotSatisfiable, wire="stackwire.image.BadRange"):
    """The byte range of the request cannot be served."""


class MemberNotFound(NotFound, wire="stackwire.image.MemberNotFound"):
    """Image member {member_id} of image {image_id} not found"""


class MemberExists(Conflict, wire="stackwire.image.MemberExists"):
    """{member_id} is already a member of image {image_id}"""


class NotShared(Forbidden, wire="stackwire.image.NotShared"):
    """Only shared images have members."""


class TagNotFound(NotFound, wire="stackwire.image.TagNotFound"):
    """Tag {tag} of image {image_id} not found"""
