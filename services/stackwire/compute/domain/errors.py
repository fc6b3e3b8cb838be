"""What can go wrong in the compute service, under the names its peers know."""

from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound, OverQuota, ServiceError


class InstanceNotFound(NotFound, wire="nova.exception.InstanceNotFound"):
    """Instance {instance_id} could not be found."""


class InstanceInvalidState(Conflict, wire="nova.exception.InstanceInvalidState"):
    """Cannot '{action}' instance {instance_id} while it is in {attr} {state}"""


class InstanceIsLocked(Conflict, wire="nova.exception.InstanceIsLocked"):
    """Instance {instance_id} is locked"""


class InstanceNotReady(Conflict, wire="nova.exception.InstanceNotReady"):
    """Instance {instance_id} is not ready"""


class FlavorNotFound(NotFound, wire="nova.exception.FlavorNotFound"):
    """Flavor {flavor_id} could not be found."""


class FlavorExists(Conflict, wire="nova.exception.FlavorExists"):
    """A flavor named {name} is there already."""


class FlavorIdExists(Conflict, wire="nova.exception.FlavorIdExists"):
    """A flavor with ID {flavor_id} is there already."""


class ExtraSpecNotFound(NotFound, wire="nova.exception.FlavorExtraSpecsNotFound"):
    """Flavor {flavor_id} has no extra spec {key}."""


class FlavorAccessNotFound(NotFound, wire="nova.exception.FlavorAccessNotFound"):
    """Project {project_id} has no access to flavor {flavor_id}."""


class FlavorAccessExists(Conflict, wire="nova.exception.FlavorAccessExists"):
    """Project {project_id} has access to flavor {flavor_id} already."""


class KeypairNotFound(NotFound, wire="nova.exception.KeypairNotFound"):
    """Keypair {name} was not found for user {user_id}."""


class KeyPairExists(Conflict, wire="nova.exception.KeyPairExists"):
    """A key pair named '{name}' is there already."""


class InvalidKeypair(BadRequest, wire="nova.exception.InvalidKeypair"):
    """The key pair's data is invalid: {reason}"""


class ActionNotFound(NotFound, wire="nova.exception.InstanceActionNotFound"):
    """Action for request {request_id} on instance {instance_id} was not found."""


class MetadataItemNotFound(NotFound, wire="nova.exception.InstanceMetadataNotFound"):
    """The server has no metadata item {key}."""


class ImageMetadataNotFound(NotFound):
    """The resource could not be found."""


class TagNotFound(NotFound, wire="nova.exception.InstanceTagNotFound"):
    """Server {instance_id} has no tag '{tag}'."""


class AttachmentNotFound(NotFound, wire="nova.exception.VolumeBDMNotFound"):
    """Server {instance_id} has no volume {volume_id} attached."""


class NetworkLabelNotFound(NotFound, wire="nova.exception.InstanceNetworkNotFound"):
    """The server has no network {label}."""


# ---- images and flavors, all 400


class ImageUnusable(BadRequest, wire="nova.exception.InvalidImageRef"):
    """Image {image_id} cannot be found or used."""


class RebuildImageNotFound(ImageUnusable):
    """Cannot find image for rebuild"""


class ImageNotActive(BadRequest, wire="nova.exception.ImageNotActive"):
    """Image {image_id} is not active."""


class ImageUnacceptable(BadRequest, wire="nova.exception.ImageUnacceptable"):
    """Image {image_id} is unacceptable: {reason}"""


class ImageSignatureRefused(ServiceError, wire="stackwire.compute.ImageSignatureRefused"):
    """{reason}"""


class CertificateValidationFailed(ServiceError, wire="nova.exception.CertificateValidationFailed"):
    """Image signature certificate validation failed for certificate: {cert_uuid}. {reason}"""


class BuildAborted(ServiceError, wire="nova.exception.BuildAbortException"):
    """Build of instance {instance_uuid} aborted: {reason}"""


class InvalidImageMetadata(BadRequest, wire="nova.exception.InvalidMetadata"):
    """Invalid image metadata: {reason}"""


class InvalidConfigDrive(BadRequest, wire="nova.exception.InvalidImageConfigDrive"):
    """Image property img_config_drive must be optional or mandatory, not {value}."""


class FlavorMemoryTooSmall(BadRequest, wire="nova.exception.FlavorMemoryTooSmall"):
    """The image needs {min_ram} MB of memory, the flavor has {memory_mb}."""


class FlavorDiskSmallerThanImage(BadRequest, wire="nova.exception.FlavorDiskSmallerThanImage"):
    """The image has {image_size} bytes, the flavor's disk only {flavor_size}."""


class FlavorDiskSmallerThanMinDisk(BadRequest, wire="nova.exception.FlavorDiskSmallerThanMinDisk"):
    """The image needs a disk of {min_disk} GB, the flavor has {root_gb}."""


class VolumeSmallerThanMinDisk(BadRequest, wire="nova.exception.VolumeSmallerThanMinDisk"):
    """The image needs a disk of {min_disk} GB, the volume has {volume_size}."""


class ZeroDiskForbidden(Forbidden, wire="nova.exception.BootFromVolumeRequiredForZeroDiskFlavor"):
    """A flavor without a root disk can only boot from a volume."""


class FlavorImageConflict(BadRequest, wire="nova.exception.FlavorImageConflict"):
    """Flavor and image do not agree: {reason}"""


# ---- block devices, all 400


class InvalidBDM(BadRequest, wire="nova.exception.InvalidBDM"):
    """Block device mapping is invalid: {reason}"""


class InvalidBDMImage(InvalidBDM, wire="nova.exception.InvalidBDMImage"):
    """Block device mapping is invalid: image {id} could not be used."""


class InvalidBDMVolume(InvalidBDM, wire="nova.exception.InvalidBDMVolume"):
    """Block device mapping is invalid: volume {id} could not be used."""


class VolumeTypeUnknown(BadRequest, wire="nova.exception.VolumeTypeNotFound"):
    """Volume type {id_or_name} could not be found."""


class InvalidBDMSnapshot(InvalidBDM, wire="nova.exception.InvalidBDMSnapshot"):
    """Block device mapping is invalid: snapshot {id} could not be used."""


class InvalidBDMVolumeNotBootable(InvalidBDM, wire="nova.exception.InvalidBDMVolumeNotBootable"):
    """Block device mapping is invalid: volume {id} is not bootable."""


class TooManyDiskDevices(Forbidden, wire="nova.exception.TooManyDiskDevices"):
    """A server can have {maximum} disks at most."""


# ---- quotas, all 403


class TooManyInstances(OverQuota, wire="nova.exception.TooManyInstances"):
    """Quota exceeded for {overs}: requested {req}, but {used} of {allowed} {overs} are used already."""


class MetadataLimitExceeded(OverQuota, wire="nova.exception.MetadataLimitExceeded"):
    """A server can have {allowed} metadata items at most."""


class ImageMetadataLimitExceeded(OverQuota):
    """Image metadata limit exceeded"""


class TooManyFiles(OverQuota, wire="nova.exception.OnsetFileLimitExceeded"):
    """At most {allowed} files can be written into a server."""


class FilePathTooLong(OverQuota, wire="nova.exception.OnsetFilePathLimitExceeded"):
    """The path of a file that is written into a server can have {allowed} characters at most."""


class FileTooLarge(OverQuota, wire="nova.exception.OnsetFileContentLimitExceeded"):
    """The content of a file that is written into a server can have {allowed} characters at most."""


class KeypairLimitExceeded(OverQuota, wire="nova.exception.KeypairLimitExceeded"):
    """A user can have {allowed} key pairs at most."""


class SnapshotQuotaExceeded(OverQuota, wire="nova.exception.OverQuota"):
    """Volume snapshot quota exceeded: {needed} needed, {used} of {allowed} used already."""


# ---- what a host could not do


class QuiesceNotSupported(BadRequest, wire="nova.exception.InstanceQuiesceNotSupported"):
    """Quiescing is not supported for instance {instance_id}: {reason}"""


class QuiesceFailed(Conflict, wire="nova.exception.InstanceQuiesceFailed"):
    """Instance {instance_id} could not be quiesced: {reason}"""


class ConsoleNotAvailable(NotFound, wire="nova.exception.ConsoleLogOutputNotAvailable"):
    """Instance {instance_id} has no console output."""


class ConsoleTypeUnavailable(BadRequest, wire="nova.exception.ConsoleTypeUnavailable"):
    """Unavailable console type {console_type}."""


class ConsoleTypeInvalid(BadRequest, wire="nova.exception.ConsoleTypeInvalid"):
    """There is no console of type {console_type} of this protocol."""


class PasswordSetFailed(Conflict, wire="nova.exception.InstancePasswordSetFailed"):
    """The administrator's password of instance {instance} was not set: {reason}"""


class NoMoreFixedIps(ServiceError, wire="nova.exception.NoMoreFixedIps"):
    """No fixed address is left on network {net}."""


class NoValidHost(ServiceError, wire="nova.exception.NoValidHost"):
    """No valid host was found. {reason}"""
