"""Where an image's data is: objects of our own in a store, or what a URI names elsewhere.

Source: ``glance/location.py``, ``glance/common/store_utils.py: validate_external_location``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stackwire.image.domain.errors import BadLocation

RESTRICTED: Final = frozenset({"file", "filesystem", "swift+config", "sheepdog"})
"""Schemes that lead to what only the service may read, whatever stores there are."""
LONGEST_URL: Final = 8192
BY_ORDER: Final = "location_order"
BY_TYPE: Final = "store_type"
STRATEGIES: Final = (BY_ORDER, BY_TYPE)

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Ours is ``object`` in ``store``; elsewhere is ``url``, which ``store`` reads. ``id`` is its row's, if it has one.

    ``metadata`` is what the client said of it; the store is named beside it.
    """

    store: str
    object: str | None = None
    url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None

    @classmethod
    def of(cls, row: "Location | Mapping[str, Any]") -> "Location":
        return row if isinstance(row, Location) else cls(**row)

    @property
    def is_ours(self) -> bool:
        return self.url is None

    def same(self, other: "Location") -> bool:
        """Whether both are one place, said of in one way."""
        if self.is_ours or other.is_ours:
            return self.is_ours and other.is_ours and (self.store, self.object) == (other.store, other.object)
        return self.url == other.url and self.metadata == other.metadata


def scheme_of(url: str) -> str:
    """The scheme of a URI that may be a location. Raises BadLocation."""
    found = _SCHEME.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None or found[1] in RESTRICTED:
        raise BadLocation
    return found[1]


def ordered(locations: Sequence[Location], kinds: Mapping[str, str], preference: Sequence[str]) -> list[Location]:
    """Those to be read first come first: of the preferred types of stores, in their order; then as they are.

    ``kinds``: the types by the stores' names. Source: ``glance/common/location_strategy/store_type.py``.
    """
    rank = {kind: at for at, kind in enumerate(preference)}
    return sorted(locations, key=lambda place: rank.get(kinds.get(place.store, ""), len(rank)))
