"""What users are told of requests that failed after they were accepted, as Cinder numbers and words it.

``cinder/message/message_field.py``: an action, and what went wrong. Of failures about which Cinder tells nothing, or an
unknown error, the reason is told instead of the words for that.
"""

from dataclasses import dataclass, replace

ACTIONS = {
    "001": "schedule allocate volume",
    "002": "attach volume",
    "003": "copy volume to image",
    "005": "copy image to volume",
    "007": "extend volume",
    "008": "create volume from backend storage",
    "009": "create snapshot",
    "010": "delete snapshot",
    "013": "create backup",
    "014": "delete backup",
    "015": "restore backup",
    "016": "reimage volume",
}
DETAILS = {
    "001": "An unknown error occurred.",
    "003": "Could not find any available weighted backend.",
    "004": "Failed to upload volume to image at backend.",
    "005": "Volume's attach mode is invalid.",
    "006": "Not enough quota resource for operation.",
    "007": "Image used for creating volume exceeds available space.",
    "010": "Volume Driver failed to extend volume.",
    "011": "Image signature verification failed.",
    "012": "Driver failed to create the volume.",
    "013": "Snapshot failed to create.",
    "014": "Volume snapshot update metadata failed.",
    "016": "Snapshot failed to delete.",
    "019": "Failed to get backup device from the volume service.",
    "020": "Backup driver failed to create backup.",
    "024": "Backup failed to schedule. Service not found for creating backup.",
    "025": "Backup driver failed to delete backup.",
    "026": "Backup driver failed to restore backup.",
    "027": "Volume status is invalid.",
    "029": "The image disk format must be the same as the volume format for the volume type you are requesting.",
}
_UNKNOWN = "001"
INTERRUPTED = "The service was interrupted."


@dataclass(frozen=True, slots=True)
class Failure:
    """An action that failed. ``reason``: told where ``detail`` is that it is unknown."""

    action: str
    detail: str
    resource_type: str = "VOLUME"
    reason: str = ""

    @property
    def event_id(self) -> str:
        return f"VOLUME_{self.resource_type}_{self.action}_{self.detail}"

    @property
    def text(self) -> str:
        detail = self.reason if self.reason and self.detail == _UNKNOWN else DETAILS[self.detail]
        return f"{ACTIONS[self.action]}:{detail}"

    def for_reason(self, reason: str) -> "Failure":
        """The same action, of which Cinder would tell nothing."""
        return replace(self, detail=_UNKNOWN, reason=reason)

    @property
    def interrupted(self) -> "Failure":
        """The same action, ended by the death of a process."""
        return self.for_reason(INTERRUPTED)


_SNAPSHOT, _BACKUP = "VOLUME_SNAPSHOT", "VOLUME_BACKUP"
NO_BACKEND = Failure("001", "003")
ATTACH_MODE_INVALID = Failure("002", "005")
UPLOAD_FAILED, UPLOAD_OVER_QUOTA = Failure("003", "004"), Failure("003", "006")
IMAGE_TOO_BIG, SIGNATURE_REFUSED, FORMAT_REFUSED = Failure("005", "007"), Failure("005", "011"), Failure("005", "029")
IMAGE_NOT_COPIED = Failure("005", _UNKNOWN)
EXTEND_NOT_PLACED, EXTEND_FAILED = Failure("007", "003"), Failure("007", "010")
CREATE_FAILED = Failure("008", "012")
SNAPSHOT_FAILED, SNAPSHOT_METADATA_FAILED = Failure("009", "013", _SNAPSHOT), Failure("009", "014", _SNAPSHOT)
SNAPSHOT_DELETE_FAILED = Failure("010", "016", _SNAPSHOT)
BACKUP_NO_DEVICE, BACKUP_FAILED = Failure("013", "019", _BACKUP), Failure("013", "020", _BACKUP)
BACKUP_UNSCHEDULED = Failure("013", "024", _BACKUP)
BACKUP_DELETE_FAILED = Failure("014", "025", _BACKUP)
RESTORE_FAILED, RESTORE_REFUSED = Failure("015", "026", _BACKUP), Failure("015", "027", _BACKUP)
REIMAGE_FORMAT_REFUSED = Failure("016", "029")
REIMAGE_FAILED = Failure("016", _UNKNOWN)
