"""How passwords are kept: scrypt, salted, computed in a thread so that the loop goes on."""

import asyncio
import base64
import hashlib
import hmac
import os
from collections import OrderedDict

_COST, _BLOCK, _LANES = 14, 8, 1  # 2**14 rounds of 8 blocks: 16 MiB and some 40 ms
_SALT = 16  # bytes
_NOBODY = f"scrypt${_COST}${_BLOCK}${_LANES}${'A' * 22}==${'A' * 43}="


class Passwords:
    """Hashes and verifies. What was proven right once is remembered for a while, under a digest that means nothing
    outside this process, so that a client that asks for a token with every command does not pay 40 ms each time."""

    def __init__(self, kept: int = 1024) -> None:
        self._key = os.urandom(32)
        self._proven: OrderedDict[bytes, None] = OrderedDict()
        self._kept = kept
        self._seeds: dict[bytes, str] = {}

    async def hashed(self, password: str) -> str:
        """``scrypt$cost$block$lanes$salt$digest``."""
        made = await asyncio.to_thread(_hash, password)
        self._remember(self._proof(password, made))
        return made

    async def hashed_seed(self, password: str) -> str:
        """The same for a password that stands in a seed file: one hash serves every account that has it."""
        key = self._proof(password, "seed")
        if key not in self._seeds:
            self._seeds[key] = await self.hashed(password)
        return self._seeds[key]

    async def matches(self, password: str, known: str | None) -> bool:
        """True when ``password`` is the one behind ``known``; None (nobody) takes as long and is False."""
        if known is not None and (proof := self._proof(password, known)) in self._proven:
            self._proven.move_to_end(proof)
            return True
        right = await asyncio.to_thread(_verify, password, known or _NOBODY)
        if known is None or not right:
            return False
        self._remember(self._proof(password, known))
        return True

    def _remember(self, proof: bytes) -> None:
        self._proven[proof] = None
        while len(self._proven) > self._kept:
            self._proven.popitem(last=False)

    def _proof(self, password: str, known: str) -> bytes:
        return hmac.digest(self._key, known.encode() + b"\0" + password.encode(), "sha256")


def _hash(password: str) -> str:
    salt = os.urandom(_SALT)
    digest = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${_text(salt)}${_text(digest)}"


def _verify(password: str, known: str) -> bool:
    _, cost, block, lanes, salt, digest = known.split("$")
    made = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(made, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=block, p=lanes, maxmem=256 << cost + 3, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
