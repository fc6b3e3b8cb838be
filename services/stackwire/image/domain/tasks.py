"""Tasks: what a client requests and a worker does later. Source: ``glance/domain/__init__.py: Task``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stackwire.image.domain.states import FAILURE, PENDING, SUCCESS

API_IMPORT: Final = "api_image_import"
"""The task of ``POST /v2/images/{id}/import``."""
LEGACY_IMPORT: Final = "import"
"""The task of ``POST /v2/tasks``: an image is created and filled by one task."""
LOCATION_IMPORT: Final = "location_import"
"""The task of ``POST /v2/images/{id}/locations``."""

LOCK_TIMEOUT: Final = timedelta(minutes=60)
"""How long after its last update a task loses its image to another one; a pending task after twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """``input`` is the request, ``result`` the image imported; ``expires_at`` is set when the task ends."""

    id: str
    type: str
    status: str = PENDING
    owner: str | None = None
    image_id: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    input: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    message: str = ""
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def stores(self) -> tuple[str, ...]:
        """The stores its bytes go into."""
        return tuple((self.input or {}).get("backend") or ())

    @property
    def all_must_succeed(self) -> bool:
        """Whether one store that cannot take the bytes fails the task."""
        request = (self.input or {}).get("import_req") or {}
        return bool(request.get("all_stores_must_succeed", True))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome:
    """How a task ended."""

    status: str
    message: str = ""
    result: Mapping[str, Any] | None = None

    @classmethod
    def success(cls, image_id: str, size: int) -> "TaskOutcome":
        """``size``: the bytes that were copied."""
        return cls(status=SUCCESS, message=f"Copied {size // 1024**2} MiB", result={"image_id": image_id})

    @classmethod
    def failure(cls, reason: str) -> "TaskOutcome":
        return cls(status=FAILURE, message=reason)


def holds_its_image(task: Task | None, now: datetime) -> bool:
    """Whether the task an image is locked by may still be at work.

    Source: ``glance/api/v2/images.py: ImagesController._enforce_import_lock``.
    """
    if task is None:
        return False
    return now - task.updated_at < (2 * LOCK_TIMEOUT if task.status == PENDING else LOCK_TIMEOUT)


def may_see_task(task: Task, project_id: str | None, *, is_admin: bool) -> bool:
    return is_admin or (project_id is not None and task.owner == project_id)
