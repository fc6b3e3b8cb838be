"""The states of images and tasks: one row per verb, and what a crash makes of it.

Source: ``glance/domain/__init__.py: Image.valid_state_targets, Task._validate_task_status_transition``.
"""

from collections.abc import Mapping
from typing import Final

from stackwire.core.states import Machine, Verb

QUEUED: Final = "queued"
SAVING: Final = "saving"
UPLOADING: Final = "uploading"
IMPORTING: Final = "importing"
ACTIVE: Final = "active"
DEACTIVATED: Final = "deactivated"
KILLED: Final = "killed"
PENDING_DELETE: Final = "pending_delete"
DELETED: Final = "deleted"


class ImageStates(Machine, noun="image", columns=("status",), initial="queued active"):
    """``active`` is initial for images of size 0 in the v1 API. A staged image waits in ``uploading``, with a size."""

    begin_upload = Verb("queued", "saving", on_crash="abort", source="glance/api/v2/image_data.py: upload")
    begin_staging = Verb(
        "queued",
        "uploading",
        on_crash="abort",
        crash_if=lambda image: image.size is None,
        source="glance/api/v2/image_data.py: stage",
    )
    finish_staging = Verb("uploading", "uploading", source="glance/api/v2/image_data.py: stage")
    begin_import = Verb(
        "queued uploading",
        "importing",
        on_crash="abort",
        crash_if=lambda image: image.object is not None,
        source="glance/async_/flows/api_image_import.py: _ImportToStore",
    )
    finish_upload = Verb("saving importing", "active", source="glance/location.py: ImageProxy.set_data")
    abort = Verb("saving uploading importing", "queued", source="glance/api/v2/image_data.py: _restore")
    kill = Verb("queued saving", "killed", source="glance/api/v1/upload_utils.py: safe_kill")
    begin_location_import = Verb(
        "queued",
        "importing",
        on_crash="abort_location_import",
        crash_if=lambda image: image.object is None,
        source="glance/async_/flows/location_import.py: _UpdateLocationTask",
    )
    abort_location_import = Verb(
        "importing", "queued", source="glance/async_/flows/location_import.py: _UpdateLocationTask.revert"
    )
    activate_at_location = Verb("queued importing", "active", source="glance/api/v2/images.py: _do_replace_locations")
    lose_data = Verb("active", "queued", source="glance/api/v2/images.py: _do_replace_locations, until 11.0.1")
    deactivate = Verb("active", "deactivated", source="glance/api/v2/image_actions.py: deactivate")
    reactivate = Verb("deactivated", "active", source="glance/api/v2/image_actions.py: reactivate")
    delete = Verb(
        "queued saving uploading importing active deactivated killed",
        "deleted",
        source="glance/api/v2/images.py: delete",
    )
    postpone_delete = Verb("active", "pending_delete", source="glance/location.py: ImageRepoProxy.remove")
    finish_scrub = Verb("pending_delete", "deleted", source="glance/scrubber.py: Scrubber._scrub_image")
    restore = Verb("pending_delete", "active", source="glance/cmd/scrubber.py: --restore")


BEGIN: Final[Mapping[str, Verb]] = {
    SAVING: ImageStates.begin_upload,
    UPLOADING: ImageStates.begin_staging,
    IMPORTING: ImageStates.begin_import,
}
"""The verb that begins an upload, by the image's status while it runs."""

UPDATE: Final[Mapping[tuple[str, str], Verb]] = {
    (ACTIVE, DEACTIVATED): ImageStates.deactivate,
    (DEACTIVATED, ACTIVE): ImageStates.reactivate,
    (ACTIVE, QUEUED): ImageStates.lose_data,
    (QUEUED, ACTIVE): ImageStates.activate_at_location,
    (IMPORTING, ACTIVE): ImageStates.activate_at_location,
    (QUEUED, IMPORTING): ImageStates.begin_location_import,
}
"""The verb that an update of an image means, by its status before and after."""

PENDING: Final = "pending"
PROCESSING: Final = "processing"
SUCCESS: Final = "success"
FAILURE: Final = "failure"


class TaskStates(Machine, noun="task", columns=("status",), initial="pending"):
    """A task runs once: one whose worker died has failed."""

    begin = Verb("pending", "processing", on_crash="fail", source="glance/domain/__init__.py: Task.begin_processing")
    succeed = Verb("processing", "success", source="glance/domain/__init__.py: Task.succeed")
    fail = Verb("pending processing", "failure", source="glance/domain/__init__.py: Task.fail")


TASK_STATUSES: Final = (PENDING, PROCESSING, SUCCESS, FAILURE)
FINISH: Final[Mapping[str, Verb]] = {SUCCESS: TaskStates.succeed, FAILURE: TaskStates.fail}
"""The verb that ends a task, by its status afterwards."""

IMAGE_STATUSES: Final = (QUEUED, SAVING, UPLOADING, IMPORTING, ACTIVE, DEACTIVATED, KILLED, PENDING_DELETE, DELETED)

FORMATS_OPEN: Final = frozenset({QUEUED, IMPORTING})
"""The states in which disk_format and container_format may still change."""

MEMBER_STATUSES: Final = ("pending", "accepted", "rejected")
VISIBILITIES: Final = ("community", "public", "private", "shared")
