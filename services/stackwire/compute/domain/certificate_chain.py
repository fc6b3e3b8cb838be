"""Whether the certificate that signed an image leads to certificates that are trusted.

``cursive/certificate_utils.py: CertificateVerificationContext``. Pure.
"""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm


class Untrusted(ValueError):
    """Why the certificate is not believed."""


Named = tuple[str, x509.Certificate]


def verify_chain(certificate: bytes, trusted: Mapping[str, bytes], now: datetime) -> None:
    """Untrusted unless each certificate is signed by the next one, all of ``trusted`` and the last by itself."""
    signed = _loaded(certificate)
    if signed is None:
        raise Untrusted("The certificate must be an x509.Certificate object.")
    if not _is_valid(signed, now):
        raise Untrusted("The certificate is outside its valid date range.")
    _require_lengths(_chain(signed, _signers(trusted, now)))


def _signers(trusted: Mapping[str, bytes], now: datetime) -> list[Named]:
    """Those that may sign now; the others are left out."""
    loaded = [(ident, _loaded(each)) for ident, each in trusted.items()]
    return [(ident, each) for ident, each in loaded if each is not None and _is_valid(each, now) and _may_sign(each)]


def _chain(signed: x509.Certificate, signers: list[Named]) -> list[Named]:
    """The certificates above this one, the root last."""
    name, chain = "the base certificate", list[Named]()
    while len(chain) <= len(signers):
        found = next((signer for signer in signers if _is_signed_by(signed, signer[1])), None)
        if found is None:
            break
        if found[1] == signed:
            return chain
        chain.append(found)
        name, signed = f"certificate '{found[0]}'", found[1]
    raise Untrusted(f"{name} is signed by none of the trusted certificates that may sign, or leads to no root.")


def _loaded(certificate: bytes) -> x509.Certificate | None:
    try:
        pem = certificate.lstrip().startswith(b"-----BEGIN")
        return (x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate)(certificate)
    except ValueError:
        return None


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _may_sign(certificate: x509.Certificate) -> bool:
    """It is an authority's, and its key is for signing certificates."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.ca and usage.key_cert_sign


def _is_signed_by(certificate: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _require_lengths(chain: list[Named]) -> None:
    """``pathLenConstraint``: how many authorities may stand between a signer and the image's certificate."""
    for below, (ident, certificate) in enumerate(chain):
        most = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if most is not None and most < below:
            raise Untrusted(f"The signing certificate '{ident}' does not allow for a chain of this length.")
