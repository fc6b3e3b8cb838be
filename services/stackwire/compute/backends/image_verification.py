"""Signed images on a host: their signature, and the certificates that lead to trusted ones.

``nova/image/glance.py: _get_verifier``; cursive does what ``stackwire.disk_image`` does here.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from stackwire.compute.backends.disks import BaseImageMissing
from stackwire.compute.domain.certificate_chain import Untrusted, verify_chain
from stackwire.compute.domain.errors import CertificateValidationFailed, ImageSignatureRefused
from stackwire.compute.domain.signature_policy import SignaturePolicy
from stackwire.contracts.image import ImageView
from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.disk_image.certificates import Certificates
from stackwire.disk_image.signatures import CERTIFICATE, PROPERTIES, SignatureRefused, Verifier, signed

CHUNK_BYTES = 1024**2


class ImageVerification:
    """``certificates``: where those that images and clients name are found."""

    def __init__(self, certificates: Certificates, policy: SignaturePolicy, clock: Clock) -> None:
        self._certificates = certificates
        self._policy = policy
        self._clock = clock

    async def verifier(self, ctx: RequestContext, image: ImageView, named: Sequence[str] | None) -> Verifier | None:
        """None where nobody wants the image verified. ``named``: the certificates that the server's client trusts.

        ImageSignatureRefused, CertificateValidationFailed, before a byte is read.
        """
        trusted = self._policy.trusted(named)
        if not self._policy.verifies(trusted):
            return None
        try:
            found = await self._verifier(ctx, image)
        except SignatureRefused as error:
            raise ImageSignatureRefused(reason=error.message) from error
        own = image.properties[CERTIFICATE] or ""
        if trusted:
            await self._verify_chain(ctx, own, trusted)
        elif self._policy.enable_certificate_validation:
            raise CertificateValidationFailed(cert_uuid=own, reason="No trusted certificate IDs were provided.")
        return found

    async def _verifier(self, ctx: RequestContext, image: ImageView) -> Verifier:
        declared = signed(image.properties)
        if declared is None:
            missing = next(name for name in PROPERTIES if image.properties.get(name) is None)
            raise SignatureRefused(
                reason="Required image properties for signature verification do not exist. Cannot verify signature."
                f" Missing property: {missing}"
            )
        certificate = await self._certificates.get(ctx, declared.certificate)
        return Verifier(declared, certificate, self._clock.now())

    async def _verify_chain(self, ctx: RequestContext, own: str, trusted: Sequence[str]) -> None:
        """A trusted certificate that cannot be had is left out, as there."""
        found: dict[str, bytes] = {}
        try:
            for ident in trusted:
                try:
                    found[ident] = await self._certificates.get(ctx, ident)
                except SignatureRefused:
                    continue
            verify_chain(await self._certificates.get(ctx, own), found, self._clock.now())
        except SignatureRefused as error:
            raise CertificateValidationFailed(cert_uuid=own, reason=error.message) from error
        except Untrusted as error:
            raise CertificateValidationFailed(cert_uuid=own, reason=str(error)) from error


async def verify_file(verifier: Verifier, path: Path) -> None:
    """ImageSignatureRefused unless the file is what was signed; BaseImageMissing."""
    try:
        await asyncio.to_thread(_verify, verifier, path)
    except FileNotFoundError:
        raise BaseImageMissing from None
    except SignatureRefused as error:
        raise ImageSignatureRefused(reason=error.message) from error


def _verify(verifier: Verifier, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            verifier.update(chunk)
    verifier.finish()
