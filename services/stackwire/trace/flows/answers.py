"""What the tracer passes on: the bus does not tell what a property does, or what it means."""

from collections.abc import Sequence
from typing import Any, Protocol


class Answers(Protocol):
    """Whoever knows the services. Errors are those of an API: BadRequest, NotFound, Unavailable."""

    async def explain(self, properties: Sequence[str], flavor: str | None) -> dict[str, Any]:
        """What each ``KEY=VALUE`` does."""

    async def defined(self, kind: str, ident: str) -> dict[str, Any]:
        """The properties of an image, a flavor, an aggregate or a volume with their definitions."""

    def bugs(self) -> list[dict[str, Any]]:
        """The pages of all old bugs."""

    def bug(self, name: str) -> dict[str, Any]:
        """The page of one."""
