"""Whether an image's certificate leads to one that is trusted."""

from datetime import UTC, datetime

import pytest

from stackwire.compute.domain.certificate_chain import Untrusted, verify_chain
from support.signatures import authority, certificate

OWN = authority("RSA-PSS", "signer", "middle", "ECC_SECP384R1", usage=False)
MIDDLE = authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1")
ROOT = authority("ECC_SECP521R1", "root", "root", "ECC_SECP521R1")
STRICT = authority("ECC_SECP521R1", "root", "root", "ECC_SECP521R1", length=0)
ONE = authority("ECC_SECP521R1", "root", "root", "ECC_SECP521R1", length=1)
ALONE = authority("RSA-PSS", "alone", "alone", "RSA-PSS")
PLAIN = authority("RSA-PSS", "alone", "alone", "RSA-PSS", ca=False, signing=False)
CROSSED = {  # each signed by the other
    "a": authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1"),
    "b": authority("ECC_SECP521R1", "root", "middle", "ECC_SECP384R1"),
}


def refusal(own: bytes, trusted: dict[str, bytes]) -> str | None:
    try:
        verify_chain(own, trusted, datetime.now(UTC))
    except Untrusted as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("own", "trusted", "why"),
    [
        (OWN, {"m": MIDDLE, "r": ROOT}, None),
        (OWN, {"r": ROOT, "m": MIDDLE, "x": b"none"}, None),
        (OWN, {"m": MIDDLE, "r": ONE}, None),
        (ALONE, {"a": ALONE}, None),
        (OWN, {"r": ROOT}, "the base certificate is signed by none"),
        (OWN, {"m": MIDDLE}, "certificate 'm' is signed by none"),
        (OWN, {}, "the base certificate is signed by none"),
        (OWN, {"m": MIDDLE, "r": STRICT}, "'r' does not allow for a chain of this length"),
        (OWN, CROSSED, "leads to no root"),
        (PLAIN, {"p": PLAIN}, "the base certificate"),
        (certificate("RSA-PSS"), {"own": certificate("RSA-PSS")}, "the base certificate"),
        (b"-----BEGIN CERTIFICATE-----\nno\n", {"r": ROOT}, "must be an x509.Certificate"),
        (certificate("DSA", begins=-9, ends=-1), {"r": ROOT}, "outside its valid date range"),
        (OWN, {"m": authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1", ends=-1), "r": ROOT}, "base"),
        (OWN, {"m": authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1", usage=False), "r": ROOT}, "base"),
        (OWN, {"m": authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1", signing=False)}, "base"),
        (OWN, {"m": authority("DSA", "middle", "root", "ECC_SECP521R1"), "r": ROOT}, "base"),
    ],
)
def test_a_chain_leads_from_the_signers_certificate_to_a_root(
    own: bytes, trusted: dict[str, bytes], why: str | None
) -> None:
    found = refusal(own, trusted)
    assert found is None if why is None else found is not None and why in found
