"""A project's usage of its limits, under the names of Glance's unified limits.

Source: ``glance/quota/keystone.py``. Sizes are bytes here, and MiB in settings and answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from stackwire.image.domain.errors import LimitExceeded
from stackwire.image.domain.states import IMPORTING, SAVING, UPLOADING

Name = Literal["image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"]
SIZE_TOTAL: Final = "image_size_total"
STAGE_TOTAL: Final = "image_stage_total"
COUNT_TOTAL: Final = "image_count_total"
COUNT_UPLOADING: Final = "image_count_uploading"
NAMES: Final[tuple[Name, ...]] = (SIZE_TOTAL, STAGE_TOTAL, COUNT_TOTAL, COUNT_UPLOADING)
STAGED: Final = (UPLOADING, IMPORTING)
IN_TRANSIT: Final = (SAVING, *STAGED)
UNLIMITED: Final = -1
_MIB: Final = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """``size``: bytes in the store and on their way to it; ``staged``: bytes that wait for an import."""

    size: int
    staged: int
    images: int
    uploading: int

    def by_name(self) -> dict[Name, int]:
        """As the usage API shows it: sizes in MiB."""
        return {
            SIZE_TOTAL: self.size // _MIB,
            STAGE_TOTAL: self.staged // _MIB,
            COUNT_TOTAL: self.images,
            COUNT_UPLOADING: self.uploading,
        }


@dataclass(frozen=True, slots=True)
class Unified:
    """``defaults`` for every project, ``projects`` for some; a number that is not positive is no limit."""

    defaults: Mapping[Name, int] = field(default_factory=dict)
    projects: Mapping[str, Mapping[Name, int]] = field(default_factory=dict)

    def limit(self, project_id: str | None, name: Name) -> int:
        """The project's limit, or UNLIMITED."""
        own = self.projects.get(project_id or "", {})
        number = own.get(name, self.defaults.get(name, UNLIMITED))
        return number if number > 0 else UNLIMITED

    def bounds(self, project_id: str | None, *names: Name) -> bool:
        """Whether any of these is limited for the project."""
        return any(self.limit(project_id, name) > 0 for name in names)

    def check(self, project_id: str | None, name: Name, number: int) -> None:
        """Raises LimitExceeded. ``number``: the project's usage after the operation."""
        limit = self.limit(project_id, name)
        if 0 < limit < number:
            raise LimitExceeded(f"{name} is limited to {limit}, and {number} would be had.", what=name)

    def room(self, project_id: str | None, name: Name, used: int, announced: int | None) -> int | None:
        """Bytes that the limit leaves, None for any number. LimitExceeded when ``announced`` is more already."""
        limit = self.limit(project_id, name)
        if limit < 0:
            return None
        remaining = limit * _MIB - used
        if remaining <= 0 or (announced or 0) > remaining:
            raise LimitExceeded(f"{name} is limited to {limit} MiB, and {max(remaining, 0)} bytes are left.", what=name)
        return remaining
