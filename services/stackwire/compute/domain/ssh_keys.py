"""SSH public keys as text, their names and their fingerprints."""

import base64
import binascii
import hashlib
import re

from stackwire.compute.domain.errors import InvalidKeypair
from stackwire.compute.domain.names import names

ALGORITHMS = names(
    "ssh-rsa ssh-dss ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
    " sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com"
)
_NAME = re.compile(r"[a-zA-Z0-9 _-]{1,255}", re.ASCII)
_NAME_292 = re.compile(r"[a-zA-Z0-9 _.@-]{1,255}", re.ASCII)


def check_name(name: str, *, relaxed: bool) -> None:
    """InvalidKeypair unless it is a name; since 2.92 (``relaxed``) dots and at signs are allowed."""
    if not (_NAME_292 if relaxed else _NAME).fullmatch(name) or name.strip() != name:
        raise InvalidKeypair(reason="the name has characters that are not allowed")


def fingerprint(public_key: str) -> str:
    """The MD5 of the key's bytes in pairs of hex digits, as ssh-keygen once showed it; InvalidKeypair for no key."""
    parts = public_key.split()
    if len(parts) < 2 or parts[0] not in ALGORITHMS:
        raise InvalidKeypair(reason="it is not an SSH public key")
    try:
        raw = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKeypair(reason="the key is not base64") from None
    if raw[:4] != len(parts[0]).to_bytes(4, "big") or raw[4 : 4 + len(parts[0])] != parts[0].encode():
        raise InvalidKeypair(reason="the key is not of the type it names")
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return ":".join(digest[n : n + 2] for n in range(0, 32, 2))
