"""Event ids of user messages: resource, action and detail (cinder/message/message_field.py)."""

NO_BACKEND = "VOLUME_VOLUME_001_003"
CREATE_FAILED = "VOLUME_VOLUME_001_002"
UPLOAD_FAILED = "VOLUME_VOLUME_003_004"
EXTEND_FAILED = "VOLUME_VOLUME_007_008"
REIMAGE_FAILED = "VOLUME_VOLUME_014_026"
SNAPSHOT_FAILED = "VOLUME_SNAPSHOT_009_014"

INTERRUPTED = "The service was interrupted."
NO_VALID_BACKEND = "schedule allocate volume:Could not find any available weighted backend."
