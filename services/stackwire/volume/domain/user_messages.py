"""Event ids of user messages: resource, action and detail (cinder/message/message_field.py)."""

NO_BACKEND = "VOLUME_VOLUME_001_003"
CREATE_FAILED = "VOLUME_VOLUME_008_012"
UPLOAD_FAILED = "VOLUME_VOLUME_003_004"
EXTEND_FAILED = "VOLUME_VOLUME_007_010"
REIMAGE_FAILED = "VOLUME_VOLUME_016_028"
SNAPSHOT_FAILED = "VOLUME_VOLUME_SNAPSHOT_009_013"

INTERRUPTED = "The service was interrupted."
EXTEND_NOT_PLACED = ("VOLUME_VOLUME_007_003", "extend volume:Could not find any available weighted backend.")
NO_VALID_BACKEND = "schedule allocate volume:Could not find any available weighted backend."
