"""Errors of the volume service by their names on the bus; the API's bodies have their status and message."""

from stackwire.contracts.volume import InvalidVolume
from stackwire.core.errors import BadRequest, Conflict, NotFound, ServiceError, TooLarge


class InvalidImage(BadRequest, wire="cinder.exception.InvalidImageIdentifier"):
    """Invalid image identifier or unable to access requested image."""


class ImageUnacceptable(BadRequest, wire="cinder.exception.ImageUnacceptable"):
    """Image {image_id} is unacceptable: {reason}"""


class ImageConversionNotAllowed(BadRequest, wire="cinder.exception.ImageConversionNotAllowed"):
    """Image conversion is not possible here for image {image_id}: {reason}"""


class InvalidSignatureImage(BadRequest, wire="cinder.exception.InvalidSignatureImage"):
    """Signature metadata is incomplete for image: {image_id}."""


class ImageSignatureVerificationFailed(ServiceError, wire="cinder.exception.ImageSignatureVerificationException"):
    """Failed to verify image signature, reason: {reason}."""


class ImageCompressionNotAllowed(BadRequest, wire="cinder.exception.ImageCompressionNotAllowed"):
    """Image compression upload disallowed, but container_format is compressed"""


class ImageCopyFailure(ServiceError, wire="cinder.exception.ImageCopyFailure"):
    """Failed to copy image to volume: {reason}"""


class AmbiguousImage(Conflict):
    """Several images have the name {name}; use an id."""


class InvalidVolumeAttachMode(BadRequest, wire="cinder.exception.InvalidVolumeAttachMode"):
    """Invalid attaching mode '{mode}' for volume {volume_id}."""


class ResourceConflict(Conflict, wire="cinder.exception.ResourceConflict"):
    """Resource conflict: {reason}"""


class MessageNotFound(NotFound, wire="cinder.exception.MessageNotFound"):
    """Message {message_id} could not be found."""


class InvalidGroup(BadRequest, wire="cinder.exception.InvalidGroup"):
    """Invalid Group: {reason}"""


class InvalidGroupStatus(BadRequest, wire="cinder.exception.InvalidGroupStatus"):
    """Invalid Group Status: {reason}"""


class InvalidGroupType(BadRequest, wire="cinder.exception.InvalidGroupType"):
    """Invalid group type: {reason}"""


class GroupLimitExceeded(TooLarge, wire="cinder.exception.GroupLimitExceeded"):
    """Maximum number of groups allowed ({allowed}) exceeded"""


class GroupTypeInUse(BadRequest, wire="cinder.exception.GroupTypeInUse"):
    """Target group type is still in use. Group Type {group_type_id} deletion is not allowed with groups present with \
the type."""


class GroupSnapshotNotFound(NotFound, wire="cinder.exception.GroupSnapshotNotFound"):
    """GroupSnapshot {group_snapshot_id} could not be found."""


class InvalidGroupSnapshot(BadRequest, wire="cinder.exception.InvalidGroupSnapshot"):
    """Invalid GroupSnapshot: {reason}"""


class InvalidGroupSnapshotStatus(BadRequest, wire="cinder.exception.InvalidGroupSnapshotStatus"):
    """Invalid GroupSnapshot Status: {reason}"""


class GroupNotFound(NotFound, wire="cinder.exception.GroupNotFound"):
    """Group {group_id} could not be found."""


class BackupNotFound(NotFound, wire="cinder.exception.BackupNotFound"):
    """Backup {backup_id} could not be found."""


class ProjectNotFound(NotFound):
    """Project with id {project_id} not found."""


class VolumeTypeProjectDefaultNotFound(NotFound, wire="cinder.exception.VolumeTypeProjectDefaultNotFound"):
    """Default type for project {project_id} not found."""


class BackupServiceNotFound(NotFound):
    """Service cinder-backup could not be found."""


class InvalidBackup(BadRequest, wire="cinder.exception.InvalidBackup"):
    """Invalid backup: {reason}"""


class ClusterNotFound(NotFound, wire="cinder.exception.ClusterNotFound"):
    """Cluster {id} could not be found."""


class VolumeTypeExtraSpecsNotFound(NotFound, wire="cinder.exception.VolumeTypeExtraSpecsNotFound"):
    """Volume Type {volume_type_id} has no extra specs with key {key}."""


class VolumeTypeExists(Conflict, wire="cinder.exception.VolumeTypeExists"):
    """Volume Type {name} already exists."""


class VolumeTypeInUse(BadRequest, wire="cinder.exception.VolumeTypeInUse"):
    """Target volume type is still in use."""


class InvalidVolumeType(BadRequest, wire="cinder.exception.InvalidVolumeType"):
    """Invalid volume type: {reason}"""


class InvalidQoSSpecs(BadRequest, wire="cinder.exception.InvalidQoSSpecs"):
    """Invalid qos specs: {reason}"""


class QoSSpecsNotFound(NotFound, wire="cinder.exception.QoSSpecsNotFound"):
    """No such QoS spec {specs_id}."""


class QoSSpecsKeyNotFound(NotFound, wire="cinder.exception.QoSSpecsKeyNotFound"):
    """QoS spec {specs_id} has no spec with key {specs_key}."""


class QoSSpecsExists(Conflict, wire="cinder.exception.QoSSpecsExists"):
    """QoS Specs {specs_id} already exists."""


class QoSSpecsInUse(BadRequest, wire="cinder.exception.QoSSpecsInUse"):
    """Qos specs still in use."""


class VolumeTypeEncryptionExists(BadRequest, wire="cinder.exception.VolumeTypeEncryptionExists"):
    """Volume type encryption for type {type_id} already exists."""


class VolumeTypeEncryptionNotFound(NotFound, wire="cinder.exception.VolumeTypeEncryptionNotFound"):
    """Volume type encryption for type {type_id} does not exist."""


class NoSuchAction(BadRequest):
    """There is no such action: {name}. Verify the request body and Content-Type header and try again."""


class ReimageSourceNotFound(NotFound, wire="cinder.exception.ImageNotFound"):
    """Image {image_id} could not be found."""


class GroupTypeNotFound(NotFound, wire="cinder.exception.GroupTypeNotFound"):
    """Group type {group_type_id} could not be found."""


class GroupTypeNotFoundByName(GroupTypeNotFound, wire="cinder.exception.GroupTypeNotFoundByName"):
    """Group type with name {group_type_name} could not be found."""


class GroupTypeExists(Conflict, wire="cinder.exception.GroupTypeExists"):
    """Group Type {id} already exists."""


class GroupTypeSpecsNotFound(NotFound, wire="cinder.exception.GroupTypeSpecsNotFound"):
    """Group Type {group_type_id} has no specs with key {key}."""


class ServiceNotFound(NotFound, wire="cinder.exception.ServiceNotFound"):
    """Service {binary} could not be found on host {host}."""


class ServiceUnavailable(BadRequest, wire="cinder.exception.ServiceUnavailable"):
    """{message}"""


class InvalidReference(ServiceError, wire="cinder.exception.ManageExistingInvalidReference"):
    """Manage existing volume failed due to invalid backend reference {existing_ref}: {reason}"""


class InvalidHost(BadRequest, wire="cinder.exception.InvalidHost"):
    """Invalid host: {reason}"""


class HostNotFound(NotFound, wire="cinder.exception.HostNotFound"):
    """Host {host} could not be found."""


class TransferNotFound(NotFound, wire="cinder.exception.TransferNotFound"):
    """Transfer {transfer_id} could not be found."""


class InvalidAuthKey(BadRequest, wire="cinder.exception.InvalidAuthKey"):
    """Invalid auth key: {reason}"""


class InvalidTypeAvailabilityZones(BadRequest, wire="cinder.exception.InvalidTypeAvailabilityZones"):
    """Volume type is only supported in these availability zones: {az}"""


class VolumeMetadataNotFound(NotFound, wire="cinder.exception.VolumeMetadataNotFound"):
    """Volume {volume_id} has no metadata with key {key}."""


class SnapshotMetadataNotFound(NotFound, wire="cinder.exception.SnapshotMetadataNotFound"):
    """Snapshot {snapshot_id} has no metadata with key {key}."""


class GlanceMetadataNotFound(NotFound, wire="cinder.exception.GlanceMetadataNotFound"):
    """Glance metadata for volume/snapshot {id} cannot be found."""


class NotDeletable(InvalidVolume, wire="cinder.exception.InvalidVolumeForDelete"):
    """Invalid volume: Volume status must be available or error or error_restoring or error_extending or \
error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be \
disassociated from snapshots after volume transfer."""


class VolumeLimitExceeded(TooLarge, wire="cinder.exception.VolumeLimitExceeded"):
    """Maximum number of volumes allowed ({allowed}) exceeded for quota 'volumes'."""


class SnapshotLimitExceeded(TooLarge, wire="cinder.exception.SnapshotLimitExceeded"):
    """Maximum number of snapshots allowed ({allowed}) exceeded"""


class SizeExceedsQuota(TooLarge, wire="cinder.exception.VolumeSizeExceedsAvailableQuota"):
    """Requested volume or snapshot exceeds allowed gigabytes quota. Requested {requested}G, quota is {quota}G and \
{consumed}G has been consumed."""


class BackupLimitExceeded(TooLarge, wire="cinder.exception.BackupLimitExceeded"):
    """Maximum number of backups allowed ({allowed}) exceeded"""


class BackupSizeExceedsQuota(TooLarge, wire="cinder.exception.VolumeBackupSizeExceedsAvailableQuota"):
    """Requested backup exceeds allowed Backup gigabytes quota. Requested {requested}G, quota is {quota}G and \
{consumed}G has been consumed."""


class TypeLimitExceeded(TooLarge):
    """Maximum number of {resource} allowed ({allowed}) exceeded for quota '{resource}'."""


class VolumeTooBig(BadRequest, wire="cinder.exception.VolumeSizeExceedsLimit"):
    """Requested volume size {size}G is larger than the maximum allowed limit {limit}G."""


class NotReimageable(Conflict, wire="cinder.exception.ReimageConflict"):
    """Volume {volume_id} cannot be reimaged: it has several attachments."""
