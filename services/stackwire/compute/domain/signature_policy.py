"""Which images' signatures are verified on hosts, and whose certificates are trusted (Nova's ``[glance]`` options)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """Certificates that a client names are always looked at, whatever is set here (``nova/image/glance.py``)."""

    verify_glance_signatures: bool = False
    enable_certificate_validation: bool = False
    default_trusted_certificate_ids: Sequence[str] = ()

    @property
    def kept(self) -> list[str]:
        """What a server keeps whose client names none (``nova/compute/api.py: _retrieve_trusted_certs_object``)."""
        enabled = self.verify_glance_signatures and self.enable_certificate_validation
        return list(self.default_trusted_certificate_ids) if enabled else []

    def trusted(self, named: Sequence[str] | None) -> Sequence[str]:
        """What a host goes by (``_get_verifier``)."""
        return named or (self.default_trusted_certificate_ids if self.enable_certificate_validation else ())

    def verifies(self, trusted: Sequence[str]) -> bool:
        """Whether the image must be signed."""
        return bool(trusted) or self.verify_glance_signatures
