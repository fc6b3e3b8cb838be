"""Where a bucket is, and with whose keys it is asked."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

MIB = 1024**2
UrlFormat = Literal["auto", "virtual", "path"]

_AWS = re.compile(r"s3[.-]([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com(?:\.cn)?")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")


@dataclass(frozen=True, slots=True)
class S3Place:
    """Sizes in bytes, times in seconds. ``region`` is what requests are signed for.

    ``write_timeout``: for a response to a write; assembling thousands of parts takes its time. ``cacert``: a file of
    certificates, "" for those that the machine trusts. ``large``: from which size on an object goes in parts.
    """

    endpoint: str
    region: str
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    create_bucket: bool = False
    url_format: UrlFormat = "auto"
    large: int = 100 * MIB
    chunk: int = 10 * MIB
    at_once: int = 10
    cacert: str = ""
    verify: bool = True
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    write_timeout: float = 60.0
    attempts: int = 3

    @property
    def same(self) -> tuple[str, str]:
        """Two stores that have this in common would remove each other's objects as orphans."""
        return self.endpoint.partition("://")[2], self.bucket

    def without_secrets(self, text: str) -> str:
        """``text`` with the keys masked."""
        for secret in (self.secret_key, self.access_key):
            text = text.replace(secret, "***")
        return text


def endpoint_of(host: str) -> str | None:
    """A URL without credentials: these have settings of their own, and URLs get into logs. None for what is none."""
    url = (host if "://" in host else f"http://{host}").rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in url or parts.query or parts.fragment or any(char.isspace() for char in url):
        return None
    return url


def region_of(endpoint: str) -> str:
    """The region in Amazon's host names; other servers get S3's default."""
    found = _AWS.fullmatch(urlsplit(endpoint).hostname or "")
    return found[1] if found else "us-east-1"


def is_bucket_name(text: str) -> bool:
    """Whether a bucket can have that name."""
    return _BUCKET.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class CephPlace:
    """``conf`` and ``user`` "" leave the choice to librados. ``timeout``: seconds for each operation."""

    pool: str
    conf: str = ""
    user: str = ""
    timeout: int = 10
