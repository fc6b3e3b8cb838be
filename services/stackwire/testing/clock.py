"""The clock of a cloud, and the pace of its workers, in the hands of a test."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from stackwire.testing.admin import AdminClient


class Clock:
    """Tokens, leases, timestamps and sweeps follow it; it is the machine's again before the next test.

    clock.advance(hours=25)
    """

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin

    def now(self) -> datetime:
        """What time it is in the cloud; aware, UTC."""
        return datetime.fromisoformat(self._view()["now"])

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's."""
        return timedelta(seconds=self._view()["ahead_seconds"])

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        """Moves it on by a timedelta, or by its arguments (``days=1``, ``hours=2``); returns the new time.

        What becomes due by that, such as a sweep, has been done when this returns.
        """
        by = timedelta(**parts) if by is None else by
        return self._moved("POST", "/clock/advance", {"seconds": by.total_seconds()})

    def set(self, moment: datetime) -> datetime:
        """Moves it to a moment, which may be earlier."""
        return self._moved("PUT", "/clock", {"now": moment.isoformat()})

    def stop(self, moment: datetime | None = None) -> datetime:
        """It stands still, each reading a microsecond later; at ``moment``, where that is given."""
        body: dict[str, Any] = {"stopped": True}
        return self._moved("PUT", "/clock", body if moment is None else {**body, "now": moment.isoformat()})

    def resume(self) -> datetime:
        """It goes on."""
        return self._moved("PUT", "/clock", {"stopped": False})

    def reset(self) -> datetime:
        """The machine's time again."""
        return self._moved("DELETE", "/clock")

    def _view(self) -> Any:
        return self._admin.request("GET", "/clock")["clock"]

    def _moved(self, method: str, path: str, body: Any = None) -> datetime:
        return datetime.fromisoformat(self._admin.request(method, path, body)["clock"]["now"])


HELD_SECONDS = 10.0
_HELD_POLL_SECONDS = 0.01
PaceName = Literal["instant", "realistic", "held"]


class Pace:
    """How fast the workers are: ``instant``, ``realistic`` (by the cloud's clock), or ``held`` until released."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin

    @property
    def name(self) -> str:
        """Of the pace."""
        return str(self._admin.request("GET", "/pace")["pace"]["name"])

    @property
    def held(self) -> list[dict[str, str]]:
        """What waits: dicts with ``id``, ``service`` and ``method``, the longest first."""
        found: list[dict[str, str]] = self._admin.request("GET", "/pace")["pace"]["held"]
        return found

    def set(self, name: PaceName, seconds: Mapping[str, float] | None = None) -> None:
        """``seconds``: by RPC method, where ``realistic`` is not to be the usual."""
        self._admin.request("PUT", "/pace", {"name": name, "seconds": dict(seconds or {})})

    def hold(self) -> None:
        """Workers begin nothing until ``release``."""
        self.set("held")

    def wait_for(self, method: str, timeout: float = HELD_SECONDS) -> None:
        """Returns when a worker waits with a method. Raises TimeoutError, which names those that wait."""
        until = time.monotonic() + timeout
        while method not in (held := [work["method"] for work in self.held]):
            if time.monotonic() > until:
                raise TimeoutError(f"{method} is not held; held: {', '.join(held) or 'nothing'}")
            time.sleep(_HELD_POLL_SECONDS)

    def release(self, method: str | None = None, *, resource: str = "", count: int | None = None) -> int:
        """Lets go of what waits: all; or that of a method, about a resource, the first so many. Returns how many."""
        body = {"method": method, "resource": resource, "count": count}
        return int(self._admin.request("POST", "/pace/release", body)["released"])
