"""Faults of a cloud, set by a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackwire.testing.admin import AdminClient, AdminError


class Fault:
    """A rule that is set, until ``remove``."""

    def __init__(self, admin: AdminClient, view: dict[str, Any]) -> None:
        self._admin = admin
        self.id: str = view["id"]
        self.kind: str = view["kind"]

    @property
    def hits(self) -> int:
        """How often it has happened."""
        return int(self._view()["hits"])

    @property
    def state(self) -> str:
        """``active``, ``used up`` or ``expired``."""
        return str(self._view()["state"])

    def remove(self) -> None:
        """It happens no more; what it holds up continues. Nothing when it is removed already."""
        try:
            self._admin.request("DELETE", f"/faults/{self.id}")
        except AdminError as error:
            if error.status != 404:
                raise

    def __repr__(self) -> str:
        return f"<Fault {self.kind} {self.id}>"

    def _view(self) -> Any:
        return self._admin.request("GET", f"/faults/{self.id}")["fault"]


class Faults:
    """What can be set: ``kinds``. All are removed before the next test.

    faults.add("bus.drop", match={"method": "create_volume", "message": "reply"}, count=1)
    """

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin

    @property
    def kinds(self) -> list[dict[str, Any]]:
        """Every kind of fault, with what it may match, and its other fields."""
        found: list[dict[str, Any]] = self._admin.request("GET", "/faults/kinds")["kinds"]
        return found

    def add(self, kind: str, **fields: Any) -> Fault:
        """Sets a rule; ``fields``: ``match``, ``count``, ``expires_in`` (seconds), and those of its kind.

        Raises AdminError for a rule that cannot be.
        """
        return Fault(self._admin, self._admin.request("POST", "/faults", {"kind": kind, **fields})["fault"])

    @contextmanager
    def set(self, kind: str, **fields: Any) -> Iterator[Fault]:
        """The same, for the block."""
        fault = self.add(kind, **fields)
        try:
            yield fault
        finally:
            fault.remove()

    def clear(self) -> None:
        """Removes all."""
        self._admin.request("DELETE", "/faults")
