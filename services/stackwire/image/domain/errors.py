"""The errors of the image service. Texts are Glance's where a client could read them."""

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
from stackwire.core.secrets import masked

__all__ = ["ImageForbidden", "ImageInUse", "ImageNotFound"]


class Invalid(BadRequest, wire="glance.common.exception.Invalid"):
    """The provided image is invalid: {reason}"""


class ReadOnly(Forbidden, wire="glance.common.exception.ReadonlyProperty"):
    """Attribute '{name}' is read-only."""


class Reserved(Forbidden, wire="glance.common.exception.ReservedProperty"):
    """Attribute '{name}' is reserved."""


class NotOwner(Forbidden, wire="stackwire.image.NotYours"):
    """You are not permitted to modify this image."""


class Protected(Forbidden, wire="glance.common.exception.ProtectedImageDelete"):
    """Image {image_id} is protected and cannot be deleted."""


class NotDeletable(BadRequest, wire="stackwire.image.NotDeletable"):
    """Image status transition from {before} to {after} is not allowed"""


class NotRestorable(Conflict, wire="stackwire.image.NotRestorable"):
    """Image {image_id} cannot be restored: {reason}."""


class PropertyForbidden(Forbidden, wire="stackwire.image.PropertyForbidden"):
    """Property '{name}' is protected"""


class FormatFixed(Forbidden, wire="stackwire.image.FormatFixed"):
    """Attribute {name} can be only replaced for a queued image."""


class FormatChanged(Conflict, wire="stackwire.image.FormatChanged"):
    """The formats of image {image_id} were changed while its data was told apart by them."""


class Deactivated(Forbidden, wire="stackwire.image.Deactivated"):
    """The requested image has been deactivated. Image data download is forbidden."""


class WrongStatus(Forbidden, wire="stackwire.image.WrongStatus"):
    """Status transition from {before} to {after} is not allowed"""


class Duplicate(Conflict, wire="glance.common.exception.Duplicate"):
    """Image ID {image_id} already exists!"""


class Outdated(Conflict, wire="stackwire.image.Outdated"):
    """Image {image_id} has changed since it was read."""


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


class BadLocation(BadRequest, wire="glance.common.exception.BadStoreUri"):
    """Invalid location"""


class DuplicateLocation(BadRequest, wire="glance.common.exception.DuplicateLocation"):
    """The location {url} already exists"""


class LastLocation(Forbidden, wire="stackwire.image.LastLocation"):
    """Cannot remove last location in the image."""


class AddDisabled(Gone, wire="glance_store.exceptions.StoreAddDisabled"):
    """Error in store configuration. Adding images to store is disabled."""


class StoreUnknown(BadRequest, wire="stackwire.image.StoreUnknown"):
    """There is no such store: {store}"""


class StoreUnavailable(Conflict, wire="stackwire.image.StoreAway"):
    """The selected store {store} is not available on this node."""


class NotInStore(NotFound, wire="stackwire.image.NotInStore"):
    """Image {image_id} is not stored in store {store}."""


class OnlyStore(Forbidden, wire="stackwire.image.OnlyStore"):
    """Cannot delete image data from the only store containing it. Consider deleting the image instead."""


class AlreadyInStore(BadRequest, wire="stackwire.image.AlreadyInStore"):
    """Image is already present at store '{store}'"""


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


class ImportConflict(Conflict, wire="stackwire.image.ImportConflict"):
    """The image is not ready for import."""


class ImageLocked(Conflict, wire="stackwire.image.ImageLocked"):
    """New operation on image '{image_id}' is not permitted as prior operation is still in progress"""


class TaskNotFound(NotFound, wire="glance.common.exception.TaskNotFound"):
    """Failed to find task {task_id}. Reason: No task found with ID {task_id}"""


class TaskAborted(Conflict, wire="glance.common.exception.TaskAbortedError"):
    """The image is not, or no longer, this task's."""


class UriRefused(BadRequest, wire="stackwire.image.UriRefused"):
    """URI for web-download does not pass filtering: {uri}"""

    def __init__(self, message: str | None = None, *, uri: str = "", **facts: object) -> None:
        """A login in the URI is not told: the message is read in tasks and logs, too."""
        super().__init__(message, uri=masked(uri), **facts)


class DownloadFailed(BadRequest, wire="stackwire.image.DownloadFailed"):
    """The image data could not be downloaded: {reason}"""


class ConversionFailed(BadRequest, wire="stackwire.image.ConversionFailed"):
    """The image could not be converted from {was} to {becomes}: {reason}"""
