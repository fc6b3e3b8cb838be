"""New ids, and the only spelling an id may have."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from random import SystemRandom

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class Ids:
    """Where ids of resources come from: from chance, or from a seed.

    With a seed the first volume of a cloud always has the same id, the second too, whatever else there is: each
    noun has a series of its own. Secrets, and ids of messages and requests, are always drawn.
    """

    def __init__(self) -> None:
        self._seed: str | None = None
        self._series = ""
        self._counts: Counter[str] = Counter()

    def seed(self, seed: str | None) -> None:
        """From now on, in this process; None: from chance."""
        self._seed = seed
        self.restart()

    def restart(self, series: str = "", counts: Mapping[str, int] | None = None) -> None:
        """Each noun's ids begin anew: those they began with before, or in a ``series`` of that name, others.

        ``counts``: how many of each are taken already.
        """
        self._series = series
        self._counts = Counter(counts or {})

    def counts(self) -> dict[str, int]:
        """How many of each noun were taken since the last restart."""
        return dict(self._counts)

    def new(self, noun: str) -> str:
        """A uuid in its canonical form."""
        return str(uuid.uuid4() if self._seed is None else uuid.UUID(bytes=self._digest(noun)[:16], version=4))

    def below(self, noun: str, stop: int) -> int:
        """A number from 0 on, less than ``stop``."""
        if self._seed is None:
            return SystemRandom().randrange(stop)
        return int.from_bytes(self._digest(noun)) % stop

    def _digest(self, noun: str) -> bytes:
        number = self._counts[noun]
        self._counts[noun] += 1
        return sha256("\0".join((self._seed or "", self._series, noun, str(number))).encode()).digest()


IDS = Ids()
"""Of this process; ``stackwire up --id-seed`` seeds it."""


def new_id(noun: str = "") -> str:
    """A uuid in its canonical form: lower case, with dashes. ``noun``: of what, so that a seed decides it."""
    return IDS.new(noun) if noun else str(uuid.uuid4())


def drawn_below(noun: str) -> Callable[[int], int]:
    """What draws numbers less than its argument."""
    return lambda stop: IDS.below(noun, stop)


def canonical_uuid(text: object) -> str | None:
    """The canonical form of a dashed uuid, or None when ``text`` is not one.

    Braces, missing dashes and other spellings PostgreSQL would accept are refused, so that no resource has two URLs.
    """
    if isinstance(text, str) and _UUID.fullmatch(text):
        return text.lower()
    return None
