"""The certificates of signed images: from a folder of the operator's, or from Barbican with the user's token."""

import asyncio
import logging
from pathlib import Path

import aiohttp

from stackwire.core.context import RequestContext
from stackwire.core.ids import canonical_uuid
from stackwire.disk_image.signatures import SignatureRefused

log = logging.getLogger(__name__)

MAX_CERTIFICATE_BYTES = 64 * 1024
BARBICAN_TIMEOUT_SECONDS = 30.0
_MEDIA_TYPES = ("application/octet-stream", "text/plain")
"""The media types a certificate may be stored as; each secret is served as its own only."""


class Certificates:
    """``folder`` holds files named by uuid, with or without ``.pem``; it comes before ``barbican`` (a base URL)."""

    def __init__(self, folder: Path | None, barbican: str) -> None:
        self._folder = folder
        self._barbican = barbican.rstrip("/")

    async def get(self, ctx: RequestContext, certificate: str) -> bytes:
        """The certificate as it was stored. SignatureRefused when there is none that can be read."""
        named = canonical_uuid(certificate)
        if named is None:
            raise _missing(certificate)
        found = await asyncio.to_thread(_read, self._folder, named) if self._folder is not None else None
        if found is None and self._barbican:
            found = await self._fetched(ctx, named)
        if found is None:
            raise _missing(certificate)
        if len(found) > MAX_CERTIFICATE_BYTES:
            raise SignatureRefused(reason="Invalid certificate format: it is too large")
        return found

    async def _fetched(self, ctx: RequestContext, named: str) -> bytes | None:
        """With the user's own token, which is sent nowhere else: redirects are not followed."""
        url = f"{self._barbican}/v1/secrets/{named}/payload"
        timeout = aiohttp.ClientTimeout(total=BARBICAN_TIMEOUT_SECONDS)
        headers = {"X-Auth-Token": ctx.auth_token or "", "X-Openstack-Request-Id": ctx.action_id}
        try:
            async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
                for media_type in _MEDIA_TYPES:
                    async with session.get(url, headers={"Accept": media_type}, allow_redirects=False) as response:
                        if response.status == 200:
                            return await _all_of(response.content)
                        if response.status == 404:
                            return None
                        if response.status != 406:
                            break
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("the key manager does not answer for %s: %s", named, error)
        raise SignatureRefused(reason=f"Unable to retrieve certificate with ID: {named}")


async def _all_of(content: aiohttp.StreamReader) -> bytes:
    """At most one byte more than a certificate may have."""
    found = b""
    while len(found) <= MAX_CERTIFICATE_BYTES and (chunk := await content.read(MAX_CERTIFICATE_BYTES + 1 - len(found))):
        found += chunk
    return found


def _read(folder: Path, named: str) -> bytes | None:
    for name in (named, f"{named}.pem"):
        try:
            with (folder / name).open("rb") as file:
                return file.read(MAX_CERTIFICATE_BYTES + 1)
        except OSError:
            continue
    return None


def _missing(certificate: str) -> SignatureRefused:
    return SignatureRefused(reason=f"Certificate not found with ID: {certificate[:100]}")
