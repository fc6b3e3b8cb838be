"""What a test does with a cloud beside its APIs, wherever the cloud runs."""

from functools import cached_property
from pathlib import Path

from stackwire.testing.admin import AdminClient
from stackwire.testing.bus import Bus
from stackwire.testing.clock import Clock, Pace
from stackwire.testing.faults import Faults
from stackwire.testing.trace import Trace

ADMIN_TOKEN = "admin.token"  # noqa: S105  # the name of a file
CLOUD_SETTLE_SECONDS = 60.0


class DirectedCloud:
    """Of a cloud with an admin port: ``bus``, ``trace``, ``faults``, ``clock``, ``pace``, and ``reset``."""

    data_dir: Path

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service, the tracer's included."""
        raise NotImplementedError

    @property
    def admin_url(self) -> str:
        """The base URL of the admin port."""
        raise NotImplementedError

    @cached_property
    def admin(self) -> AdminClient:
        """The admin port."""
        return AdminClient(self.admin_url, self.data_dir / ADMIN_TOKEN)

    @cached_property
    def bus(self) -> Bus:
        """Messages published, expected, and answered in place of a service."""
        return Bus(self.admin, Trace(self.urls["trace"]))

    @cached_property
    def trace(self) -> Trace:
        """Assertions on messages and on the lineage of properties."""
        return Trace(self.urls["trace"], self._complete)

    @cached_property
    def faults(self) -> Faults:
        """Faults that are injected."""
        return Faults(self.admin)

    @cached_property
    def clock(self) -> Clock:
        """The time in the cloud."""
        return Clock(self.admin)

    @cached_property
    def pace(self) -> Pace:
        """How fast its workers are."""
        return Pace(self.admin)

    def reset(self) -> None:
        """The cloud is as it was when it had started: nothing in it, no faults, the machine's time."""
        self.admin.request("POST", "/reset", {})

    def _complete(self) -> None:
        self.bus.mark()

    def settle(self, timeout: float = CLOUD_SETTLE_SECONDS) -> None:
        """Returns when no work is in progress, but for what the pace holds back. Raises TimeoutError."""
        body = {"timeout_seconds": timeout}
        if not self.admin.request("POST", "/settle", body, timeout=timeout + 30)["settled"]:
            raise TimeoutError(f"the cloud has not settled within {timeout:.0f} seconds")
