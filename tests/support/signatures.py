"""Signed images: keys, signatures and certificates of every kind."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.x509.oid import NameOID

DATA = bytes(range(251)) * 12_000
HASHES: dict[str, Any] = {
    "SHA-224": hashes.SHA224(), "SHA-256": hashes.SHA256(), "SHA-384": hashes.SHA384(), "SHA-512": hashes.SHA512(),
}  # fmt: skip


@cache
def key(kind: str) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "RSA-PSS": lambda: rsa.generate_private_key(65537, 2048),
        "DSA": lambda: dsa.generate_private_key(1024),
        "ECC_SECP384R1": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ECC_SECP521R1": lambda: ec.generate_private_key(ec.SECP521R1()),
    }
    return makers[kind]()


def signature(kind: str, method: str, data: bytes = DATA) -> str:
    chosen = HASHES[method]
    if kind == "RSA-PSS":
        raw = key(kind).sign(data, padding.PSS(padding.MGF1(chosen), padding.PSS.MAX_LENGTH), chosen)
    elif kind == "DSA":
        raw = key(kind).sign(data, chosen)
    else:
        raw = key(kind).sign(data, ec.ECDSA(chosen))
    return b64encode(raw).decode()


def certificate(kind: str, *, begins: int = -1, ends: int = 1, form: Any = serialization.Encoding.PEM) -> bytes:
    """Of the kind's key; valid from and until so many days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key(kind).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins)).not_valid_after(now + timedelta(days=ends))
    )  # fmt: skip
    return built.sign(key("RSA-PSS"), hashes.SHA256()).public_bytes(form)


def signed_as(kind: str, method: str, named: str, data: bytes = DATA) -> dict[str, str]:
    """The four properties of an image that is signed so, by the certificate of that uuid."""
    return {
        "img_signature": signature(kind, method, data) if method in HASHES else "AAAA",
        "img_signature_hash_method": method,
        "img_signature_key_type": kind,
        "img_signature_certificate_uuid": named,
    }


def authority(
    kind: str, name: str, signer: str, signed_with: str, *, ends: int = 1, ca: bool = True, length: int | None = None,
    usage: bool = True, signing: bool = True,
) -> bytes:  # fmt: skip
    """A certificate of the kind's key under a name, signed in the signer's name with another kind's key.

    ``ca``, ``length``, ``signing``: its basic constraints and key usage, without which (``usage``) it is none.
    """
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(_named(name)).issuer_name(_named(signer))
        .public_key(key(kind).public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=ends))
    )  # fmt: skip
    if usage:
        bits = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign",
             "encipher_only", "decipher_only"), False
        )  # fmt: skip
        built = built.add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
        built = built.add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=signing, **bits), critical=True)
    return built.sign(key(signed_with), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
