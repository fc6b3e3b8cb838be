"""Signed images: four properties name the signer and the signature. Source: ``cursive/signature_utils.py``.

Stricter than cursive: the certificate must be valid today, and its curve the one the key type names. Curves this
machine's cryptography does not know are refused by name, as cursive refuses them.
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from stackwire.core.errors import BadRequest

SIGNATURE: Final = "img_signature"
HASH_METHOD: Final = "img_signature_hash_method"
KEY_TYPE: Final = "img_signature_key_type"
CERTIFICATE: Final = "img_signature_certificate_uuid"
PROPERTIES: Final = (SIGNATURE, HASH_METHOD, KEY_TYPE, CERTIFICATE)


class SignatureRefused(BadRequest, wire="cursive.exception.SignatureVerificationError"):
    """Signature verification for the image failed: {reason}."""


_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
_CURVES: Final = tuple(
    f"ECC_{name}"
    for name in ("SECT571K1", "SECT409K1", "SECT571R1", "SECT409R1", "SECP521R1", "SECP384R1")
    if hasattr(ec, name)
)
KEY_TYPES: Final = ("RSA-PSS", "DSA", *_CURVES)


@dataclass(frozen=True, slots=True)
class Signature:
    """A declared signature. ``certificate``: the uuid of the signer's."""

    signature: bytes
    hash_method: str
    key_type: str
    certificate: str


def signed(properties: Mapping[str, str | None]) -> Signature | None:
    """The signature that the properties declare; None unless all four are there. Errors: SignatureRefused."""
    signature, hash_method, key_type, certificate = (properties.get(name) for name in PROPERTIES)
    if signature is None or hash_method is None or key_type is None or certificate is None:
        return None
    if hash_method not in _HASHES:
        raise SignatureRefused(reason=f"Invalid signature hash method: {hash_method[:100]}")
    if key_type not in KEY_TYPES:
        raise SignatureRefused(reason=f"Invalid signature key type: {key_type[:100]}")
    try:
        raw = b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureRefused(reason="The signature data was not properly encoded using base64") from error
    return Signature(raw, hash_method, key_type, certificate)


class Verifier:
    """Verifies an image's signature from its chunks, in order.

    ``certificate``: X.509, as PEM or DER. Raises SignatureRefused when its key is not of the declared type.
    """

    def __init__(self, declared: Signature, certificate: bytes, now: datetime) -> None:
        self._declared = declared
        self._key = _public_key(certificate, declared.key_type, now)
        self.algorithm = declared.hash_method.replace("-", "").lower()
        self._digest = hashlib.new(self.algorithm)

    def update(self, chunk: bytes | memoryview) -> None:
        self._digest.update(chunk)

    def finish(self) -> None:
        """Raises SignatureRefused unless the signature is that of all chunks."""
        self.verify(self._digest.digest())

    def verify(self, digest: bytes) -> None:
        """The same, of an image whose digest by ``algorithm``, as hashlib calls it, is known."""
        method = _HASHES[self._declared.hash_method]
        signature, hashed = self._declared.signature, Prehashed(method)
        try:
            if isinstance(self._key, rsa.RSAPublicKey):
                pss = padding.PSS(padding.MGF1(method), padding.PSS.MAX_LENGTH)
                self._key.verify(signature, digest, pss, hashed)
            elif isinstance(self._key, dsa.DSAPublicKey):
                self._key.verify(signature, digest, hashed)
            else:
                self._key.verify(signature, digest, ec.ECDSA(hashed))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
            raise SignatureRefused(reason="The data is not what was signed") from error


_Key = rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey


def _public_key(certificate: bytes, key_type: str, now: datetime) -> _Key:
    try:
        pem = certificate.lstrip().startswith(b"-----BEGIN")
        found = (x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate)(certificate)
        key = found.public_key()
        begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureRefused(reason="Invalid certificate format: it is no X.509 certificate") from error
    if not begins <= now <= ends:
        raise SignatureRefused(reason="The certificate is not valid at this time")
    if key_type == "RSA-PSS" and isinstance(key, rsa.RSAPublicKey):
        return key
    if key_type == "DSA" and isinstance(key, dsa.DSAPublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key_type == f"ECC_{key.curve.name.upper()}":
        return key
    raise SignatureRefused(reason=f"Invalid public key type for signature key type: {key_type}")
