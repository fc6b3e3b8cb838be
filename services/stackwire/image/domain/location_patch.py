"""Patches of an image's locations, one change at a time.

Source: ``glance/api/v2/images.py: ImagesController._do_add_locations, _do_replace_locations, _do_remove_locations``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackwire.core.errors import BadRequest, Conflict
from stackwire.image.domain.errors import BadLocation, DuplicateLocation, LastLocation
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location, LocationRequest, check_validation, read_location
from stackwire.image.domain.patch import Change
from stackwire.image.domain.states import ACTIVE, QUEUED

Known = Mapping[str, tuple[str, int]]
"""The store that reads a URL, and how many bytes are there."""


def requested_locations(change: Change) -> list[LocationRequest]:
    """The locations of a change, or BadRequest."""
    if change.verb == "remove":
        return []
    if change.verb == "add":
        return [read_location(change.value)]
    if not isinstance(change.value, list):
        raise BadRequest("Locations are an array.")
    return [read_location(value) for value in change.value]


def check_status(image: Image, verb: str) -> None:
    """Raises Conflict where the image's status does not allow it."""
    if image.status not in ((ACTIVE,) if verb == "remove" else (ACTIVE, QUEUED)):
        raise Conflict(f"It's not allowed to {verb} locations if image status is {image.status}.")


def located(image: Image, change: Change, known: Known, *, keeps_one: bool = True) -> Image:
    """The image after one change of its locations. The first one activates a queued image, and gives it its size.

    ``keeps_one``: the last one stays. Without it the image is queued again, and takes other data (CVE-2016-0757).
    """
    check_status(image, change.verb)
    if change.verb == "remove":
        return _without(image, change.rest, keeps_one=keeps_one)
    requested = requested_locations(change)
    digests = _digests(image, requested)
    if change.verb == "replace":
        if not requested and not keeps_one:
            return _emptied(image)
        if not requested:
            raise LastLocation("Cannot set locations to empty list.")
        if image.locations:
            raise BadRequest("Cannot replace locations from a non-empty list to a non-empty list.")
        return _filled(image, requested, 0, digests, known)
    at = _position(change.rest, len(image.locations), beyond=True)
    if at is None:
        raise BadRequest("Invalid position for adding a location.")
    return _filled(image, requested, at, digests, known)


def _filled(
    image: Image, requested: Sequence[LocationRequest], at: int, digests: Mapping[str, str], known: Known
) -> Image:
    for location in requested:
        store, size = known[location.url]
        place = Location(store=store, url=location.url, metadata=location.metadata)
        if any(place.same(other) for other in image.locations):
            raise DuplicateLocation(url=location.url)
        if image.size not in (None, size) and image.locations:
            raise BadLocation(f"Invalid location: {size} bytes are there, and the image has {image.size}.")
        places = [*image.locations[:at], place, *image.locations[at:]]
        image = replace(image, locations=places, size=size)
        at += 1
    return activated(image, digests) if image.status == QUEUED else image


def activated(image: Image, digests: Mapping[str, str]) -> Image:
    """A queued image with data. Raises BadRequest unless it has both formats."""
    for name in ("disk_format", "container_format"):
        if getattr(image, name) is None:
            raise BadRequest(f"Properties disk_format, container_format must be set prior to saving data: {name}.")
    facts: dict[str, Any] = {"status": ACTIVE, "checksum": None, **digests}
    return replace(image, **facts)


def is_at(image: Image, url: str, metadata: Mapping[str, Any]) -> bool:
    """Whether the image has its data there and nowhere else."""
    return [(place.url, dict(place.metadata)) for place in image.locations] == [(url, dict(metadata))]


def _emptied(image: Image) -> Image:
    """Waiting for data again: without that of before, whose size and checksum Glance went on to show."""
    return replace(image, locations=(), status=QUEUED, size=None, checksum=None) if image.status == ACTIVE else image


def _without(image: Image, rest: Sequence[str], *, keeps_one: bool) -> Image:
    if len(image.locations) <= 1 and keeps_one:
        raise LastLocation
    at = _position(rest, len(image.locations), beyond=False)
    if at is None:
        raise BadRequest("Invalid position for removing a location.")
    if len(image.locations) == 1:
        return _emptied(image)
    return replace(image, locations=[place for index, place in enumerate(image.locations) if index != at])


def _position(rest: Sequence[str], length: int, *, beyond: bool) -> int | None:
    text = rest[0] if rest else ""
    if text == "-":
        return length if beyond else length - 1
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if beyond or int(text) < length else None


def _digests(image: Image, requested: Sequence[LocationRequest]) -> dict[str, str]:
    """The digests in the locations' validation data, where they are new. Errors: Conflict."""
    given: dict[str, str] = {}
    for location in requested:
        for name, value in location.validation.items():
            if given.setdefault(name, value) != value:
                raise Conflict(f"Conflicting values for {name}")
    new = {name: value for name, value in given.items() if value != getattr(image, name)}
    for name in new:
        if getattr(image, name):
            raise Conflict(f"{name} is already set with a different value")
    if not new:
        return {}
    if image.status != QUEUED:
        raise Conflict(f"New value(s) for {', '.join(new)} may only be provided when image status is 'queued'")
    check_validation(given)
    return given
