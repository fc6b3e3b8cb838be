"""Microversions: the requested version, the range a service supports, and the response headers."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

from stackwire.core.errors import BadRequest, ServiceError

_FORM = re.compile(r"([1-9]\d{0,2})\.(0|[1-9]\d{0,3})")


class Microversion(NamedTuple):
    """Compares as a tuple: ``request[VERSION] >= (2, 47)``."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class InvalidVersion(BadRequest):
    """API Version String {version} is of invalid format. Must be of format MajorNum.MinorNum."""


class VersionNotSupported(ServiceError, status=406, title="Not Acceptable"):
    """Version {version} is not supported by the API. Minimum is {minimum} and maximum is {maximum}."""

    def __init__(self, version: Microversion, minimum: Microversion, maximum: Microversion) -> None:
        super().__init__(version=version, minimum=minimum, maximum=maximum)
        self.version = version


def parse(text: str) -> Microversion:
    """``2.93`` as a Microversion. Raises InvalidVersion (400)."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidVersion(version=text[:40])
    return Microversion(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The versions one API supports. ``legacy_header`` is Nova's older header name, which responses still have."""

    service_type: str
    minimum: Microversion
    maximum: Microversion
    legacy_header: str | None = None

    def requested(self, request: web.Request) -> Microversion:
        """The version of this request: 400 when malformed, 406 outside the range, the minimum by default."""
        text = self._requested_text(request)
        if text is None:
            return self.minimum
        if text == "latest":
            return self.maximum
        version = parse(text)
        if not self.minimum <= version <= self.maximum:
            raise VersionNotSupported(version, self.minimum, self.maximum)
        return version

    def _requested_text(self, request: web.Request) -> str | None:
        for value in request.headers.getall("OpenStack-API-Version", ()):
            for part in value.split(","):
                words = part.split()
                if len(words) == 2 and words[0].lower() == self.service_type:
                    return words[1]
        if self.legacy_header is not None:
            return request.headers.get(self.legacy_header)
        return None

    def headers(self, version: Microversion) -> dict[str, str]:
        """The headers of a response in this version."""
        headers = {"OpenStack-API-Version": f"{self.service_type} {version}", "Vary": "OpenStack-API-Version"}
        if self.legacy_header is not None:
            headers[self.legacy_header] = str(version)
            headers["Vary"] = f"OpenStack-API-Version, {self.legacy_header}"
        return headers
