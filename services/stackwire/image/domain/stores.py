"""A store of image data as clients know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDetails:
    """``type``: as settings name it; ``properties``: what the operator configured, for administrators."""

    id: str
    type: str
    is_default: bool
    is_read_only: bool
    properties: Mapping[str, Any]
