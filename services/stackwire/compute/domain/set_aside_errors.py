"""What can go wrong when a server is put aside: shelved, rescued, backed up, deleted for a while."""

from stackwire.core.errors import BadRequest, Conflict, NotFound


class InstanceNotRescuable(BadRequest, wire="nova.exception.InstanceNotRescuable"):
    """Instance {instance_id} cannot be rescued: {reason}"""


class ImageNotFound(NotFound, wire="nova.exception.ImageNotFound"):
    """Image {image_id} could not be found."""


class UnsupportedRescueImage(BadRequest, wire="nova.exception.UnsupportedRescueImage"):
    """Requested rescue image '{image_id}' is not supported"""


class VolumeNotInUse(Conflict, wire="nova.exception.InvalidVolume"):
    """Invalid volume: volume {volume_id} must be in-use, its status is {status}."""


class UnshelveInvalidState(Conflict, wire="nova.exception.UnshelveInstanceInvalidState"):
    """A zone or a host can be given only for a server that is SHELVED_OFFLOADED: {instance_uuid} is {state}."""


class UnshelveHostNotInZone(Conflict, wire="nova.exception.UnshelveHostNotInAZ"):
    """Host "{host}" is not in the availability zone "{availability_zone}"."""


class ComputeHostUnknown(BadRequest):
    """Compute host {host} could not be found."""


class ShelvedImageLost(NotFound, wire="nova.exception.UnshelveException"):
    """Unshelve attempted but the image {image_id} cannot be found."""
