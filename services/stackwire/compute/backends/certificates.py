"""Key pairs of type x509: a certificate for a client, which Windows takes instead of a password (WinRM).

``nova/crypto.py: generate_winrm_x509_cert, generate_x509_fingerprint``.
"""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stackwire.compute.domain.errors import InvalidKeypair

KEY_BITS = 2048
_DAYS = timedelta(days=3650)
_PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C
_COMMON_NAME_LENGTH = 64


def generate(user_id: str) -> tuple[str, str]:
    """A self-signed certificate of the user (PEM), and it with its key as PKCS #12 without a password (base64)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:_COMMON_NAME_LENGTH])])
    now = datetime.now(UTC)
    principal = x509.OtherName(_PRINCIPAL_NAME, _utf8(f"{user_id}@localhost"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _DAYS)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([principal]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), base64.b64encode(both).decode()


def fingerprint(pem: str) -> str:
    """The SHA-1 of the certificate in pairs of hex digits; InvalidKeypair for what is none."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise InvalidKeypair(reason="it is not an X.509 certificate in PEM") from None
    return certificate.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303  # the form that Nova shows


def _utf8(text: str) -> bytes:
    """An UTF8String in DER."""
    raw = text.encode()
    if len(raw) < 0x80:
        return bytes([_UTF8_STRING, len(raw)]) + raw
    length = len(raw).to_bytes(2, "big").lstrip(b"\0")
    return bytes([_UTF8_STRING, 0x80 | len(length)]) + length + raw
