"""Where an image's data is: objects of this service in a store, or data that a URI names elsewhere.

Source: ``glance/location.py``, ``glance/common/store_utils.py: validate_external_location``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stackwire.core.errors import BadRequest, Conflict, ServiceError
from stackwire.image.domain.errors import BadLocation

RESTRICTED: Final = frozenset({"file", "filesystem", "swift+config", "sheepdog"})
"""Schemes that lead to data that only the service may read, whatever stores there are."""
MAX_URL_LENGTH: Final = 8192
MAX_CLIENT_URL_LENGTH: Final = 255
"""Characters of a URL in a request (``glance/api/v2/images.py: get_base_properties``)."""
STORE_KEY: Final = "store"
HASH: Final = "sha512"
DIGEST_BYTES: Final = {"sha512": 64, "sha256": 32, "sha1": 20, "md5": 16}
DIGESTS: Final = tuple(DIGEST_BYTES)
"""The digests that the newer API takes."""
BY_TYPE: Final = "store_type"

_HEX = re.compile(r"[0-9a-fA-F]+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The service's own is ``object`` in ``store``; an external one is ``url``, which ``store`` reads.

    ``metadata`` is the client's; the store is named beside it. ``id``: of its row, if it has one.
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
    def is_internal(self) -> bool:
        return self.url is None

    def same(self, other: "Location") -> bool:
        """Whether both name the same data with the same metadata."""
        if self.is_internal or other.is_internal:
            return self.is_internal and other.is_internal and (self.store, self.object) == (other.store, other.object)
        return self.url == other.url and self.metadata == other.metadata


def scheme_of(url: str) -> str:
    """The scheme of a URI that may be a location. Raises BadLocation."""
    found = _SCHEME.fullmatch(url) if len(url) <= MAX_URL_LENGTH else None
    if found is None or found[1] in RESTRICTED:
        raise BadLocation
    return found[1]


def ordered(locations: Sequence[Location], types: Mapping[str, str], preference: Sequence[str]) -> list[Location]:
    """The locations in the order in which they are read: those in preferred types of stores first.

    ``types``: the types by the stores' names. Source: ``glance/common/location_strategy/store_type.py``.
    """
    rank = {store_type: at for at, store_type in enumerate(preference)}
    return sorted(locations, key=lambda location: rank.get(types.get(location.store, ""), len(rank)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRequest:
    """A location in a request. ``validation``: the client's digests of its bytes, by the image's attributes."""

    url: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, str] = field(default_factory=dict)


def read_location(value: Any) -> LocationRequest:
    """One of the old API's list, or BadRequest. The store in its metadata is the service's and left out."""
    if not isinstance(value, dict) or not {"url", "metadata"} <= value.keys():
        raise BadRequest("A location is an object with a 'url' and 'metadata'.")
    _only(value, ("url", "metadata", "validation_data"))
    if not isinstance(value["metadata"], dict):
        raise BadRequest("The metadata of a location is an object.")
    metadata = {name: item for name, item in value["metadata"].items() if name != STORE_KEY}
    return LocationRequest(url=_url(value["url"]), metadata=metadata, validation=_validation(value, old=True))


def read_new_location(body: Any) -> LocationRequest:
    """The body of the newer API, or BadRequest."""
    if not isinstance(body, dict) or "url" not in body:
        raise BadRequest("A location is an object with a 'url'.")
    _only(body, ("url", "validation_data"))
    request = LocationRequest(url=_url(body["url"]), validation=_validation(body, old=False))
    if request.validation:
        _check_digest(request.validation, DIGESTS, BadRequest)
    return request


def _only(given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise BadRequest(f"A location has a field '{name[:200]}' that has no meaning here.")


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequest("The url of a location is a string.")
    if len(value) > MAX_CLIENT_URL_LENGTH:
        raise BadRequest(f"The url of a location has at most {MAX_CLIENT_URL_LENGTH} characters.")
    return value


def _validation(value: Mapping[str, Any], *, old: bool) -> dict[str, str]:
    data = value.get("validation_data", {})
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise BadRequest("The validation_data of a location is an object of strings.")
    _only(data, ("os_hash_algo", "os_hash_value", *(("checksum",) if old else ())))
    if "validation_data" in value and (old or data) and not {"os_hash_algo", "os_hash_value"} <= data.keys():
        raise BadRequest("The validation_data of a location has an os_hash_algo and an os_hash_value.")
    return dict(data)


def _check_digest(given: Mapping[str, str], known: Sequence[str], refusal: type[ServiceError]) -> None:
    algorithm, value = given["os_hash_algo"], given["os_hash_value"]
    if algorithm not in known:
        raise refusal(f"os_hash_algo must be one of {', '.join(known)}, not {algorithm[:64]}")
    if not _HEX.fullmatch(value):
        raise refusal(f"os_hash_value ({value[:128]}) is not a valid hexadecimal value")
    size = DIGEST_BYTES[algorithm]
    if len(value) != 2 * size:
        raise refusal(f"os_hash_value ({value[:128]}) is not the correct size for {algorithm} (should be {size} bytes)")


def check_validation(given: Mapping[str, str]) -> None:
    """The old API's check of a client's digests. Raises Conflict."""
    checksum = given.get("checksum")
    if checksum is not None and not (_HEX.fullmatch(checksum) and len(checksum) == 32):
        raise Conflict(f"checksum ({checksum[:128]}) is not a valid hexadecimal value of 16 bytes")
    _check_digest(given, (HASH,), Conflict)


def location_view(url: str, location: Location) -> dict[str, Any]:
    """A location in an answer."""
    return {"url": url, "metadata": {**location.metadata, STORE_KEY: location.store}}
