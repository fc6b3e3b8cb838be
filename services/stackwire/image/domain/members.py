"""A membership: a project that an image is shared with."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """``status``: pending until the member itself accepts or rejects."""

    image_id: str
    member: str
    status: str
    created_at: datetime
    updated_at: datetime
