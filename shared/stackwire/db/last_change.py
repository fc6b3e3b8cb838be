"""The change that a unit of work ends with, in one statement with the messages about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stackwire.core.errors import ServiceError
from stackwire.db import outbox
from stackwire.db.errors import UniqueViolation
from stackwire.db.outbox import Outgoing
from stackwire.db.session import Session


@dataclass(frozen=True, slots=True)
class LastChange:
    """A change of which nothing need be known before the commit but whether it was made.

    ``parts``: common table expressions with ``arguments``; the one named ``touched`` returns a row where the change is
    made, and the others write nothing where it returns none. ``refusal`` is raised then, and where the database has a
    row of that key.
    """

    parts: str
    arguments: Sequence[Any]
    refusal: ServiceError

    async def make(self, session: Session, messages: Sequence[Outgoing]) -> None:
        """Writes the change and the messages, or neither. Raises the refusal."""
        columns = outbox.columns(messages) if messages else ()
        statement = _statement(self.parts, len(self.arguments), has_messages=bool(messages))
        try:
            touched = await session.value(statement, *self.arguments, *columns)
        except UniqueViolation as error:
            raise self.refusal from error
        if not touched:
            raise self.refusal


@lru_cache(256)
def _statement(parts: str, arguments: int, *, has_messages: bool) -> str:
    messages = f", messages AS ({outbox.insertion(arguments, 'EXISTS (SELECT FROM touched)')})" if has_messages else ""
    return f"WITH {parts}{messages} SELECT count(*) FROM touched"
