"""Keeps the blobs of credentials unreadable in the database.

Source: ``keystone/credential/providers/fernet/core.py``; the key there is of its own, here it comes of the tokens' key.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from stackwire.core.errors import ServiceError


class UnreadableBlob(ServiceError):
    """The credential was stored under another key."""


class Sealing:
    """Encrypts and decrypts short texts. ``key``: any text that the processes of the service share."""

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(b"stackwire/credentials/" + key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def sealed(self, text: str) -> bytes:
        """What is stored."""
        return self._fernet.encrypt(text.encode())

    def opened(self, stored: bytes) -> str:
        """UnreadableBlob when the key has changed since."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken as error:
            raise UnreadableBlob from error
