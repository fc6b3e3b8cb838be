"""Password hashes: scrypt, salted, computed in a thread so that the event loop goes on."""

import asyncio
import base64
import hashlib
import hmac
import os
from collections import OrderedDict

_COST, _BLOCK, _PARALLELISM = 14, 8, 1  # 2**14 rounds of 8 blocks: 16 MiB and some 40 ms
_SALT = 16  # bytes
_NO_USER = f"scrypt${_COST}${_BLOCK}${_PARALLELISM}${'A' * 22}==${'A' * 43}="


class Passwords:
    """Hashes and verifies. A verified password is cached, under a digest that means nothing outside this process, so
    that a client that requests a token with every command does not pay 40 ms each time.

    ``cache_size``: verified passwords remembered.
    """

    def __init__(self, cache_size: int = 1024) -> None:
        self._key = os.urandom(32)
        self._proven: OrderedDict[bytes, None] = OrderedDict()
        self._cache_size = cache_size
        self._seeds: dict[bytes, str] = {}

    async def hashed(self, password: str) -> str:
        """``scrypt$cost$block$parallelism$salt$digest``."""
        hashed = await asyncio.to_thread(_hash, password)
        self._remember(self._proof(password, hashed))
        return hashed

    async def hashed_seed(self, password: str) -> str:
        """The same for a password of a seed file: accounts with the same password share one hash."""
        key = self._proof(password, "seed")
        if key not in self._seeds:
            self._seeds[key] = await self.hashed(password)
        return self._seeds[key]

    async def matches(self, password: str, known: str | None) -> bool:
        """True when ``password`` is the one behind ``known``; None (no such user) takes as long and is False."""
        if known is not None and (proof := self._proof(password, known)) in self._proven:
            self._proven.move_to_end(proof)
            return True
        right = await asyncio.to_thread(_verify, password, known or _NO_USER)
        if known is None or not right:
            return False
        self._remember(self._proof(password, known))
        return True

    def _remember(self, proof: bytes) -> None:
        self._proven[proof] = None
        while len(self._proven) > self._cache_size:
            self._proven.popitem(last=False)

    def _proof(self, password: str, known: str) -> bytes:
        return hmac.digest(self._key, known.encode() + b"\0" + password.encode(), "sha256")


def _hash(password: str) -> str:
    salt = os.urandom(_SALT)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLELISM)
    return f"scrypt${_COST}${_BLOCK}${_PARALLELISM}${_base64(salt)}${_base64(digest)}"


def _verify(password: str, known: str) -> bool:
    _, cost, block, parallelism, salt, digest = known.split("$")
    computed = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(parallelism))
    return hmac.compare_digest(computed, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallelism: int) -> bytes:
    n, maxmem = 1 << cost, 256 << cost + 3
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=block, p=parallelism, maxmem=maxmem, dklen=32)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
