"""One table and the dataclass of its rows: typed insert, get, update and delete, so that only statements with
something to say are written as SQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from stackwire.core.states import Machine
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound="DataclassInstance")
GOVERNED: "dict[str, list[Table[Any]]]" = {}
"""The tables that have states, by the service whose they are."""


class Arguments:
    """The values of a statement, and the placeholders that stand for them."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def placeholder(self, value: Any) -> str:
        """``$n`` for the value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def equals(self, column: str, value: Any) -> str:
        """A condition: NULL is a value like any other, a list, tuple or set means one of its members."""
        if value is None:
            return f"{column} IS NULL"
        if isinstance(value, (list, tuple, set, frozenset)):
            members = [member for member in value if member is not None]
            among = f"{column} = ANY({self.placeholder(members)})"
            return f"({among} OR {column} IS NULL)" if None in value else among
        return f"{column} = {self.placeholder(value)}"


class Table(Generic[M]):
    """A table whose rows are ``model``, a dataclass with a field for each column it reads.

    ``key``: the column that names a row; ``live``: the condition that leaves deleted rows out; ``touch``: the column
    that each update sets to the transaction's time (None: none); ``generated``: columns the database fills at an
    insert; ``states``: the machine that governs the state columns: an insert may only use its initial states, an update
    may not change them (``db.transitions.transition`` does).

    Names of columns come from code, never from a request.
    """

    def __init__(
        self,
        model: type[M],
        name: str,
        *,
        key: str = "id",
        live: str = "true",
        touch: str | None = "updated_at",
        generated: Collection[str] = (),
        states: type[Machine] | None = None,
    ) -> None:
        self.model = model
        self.name = name
        self.key = key
        self.live = live
        self.states = states
        self.names: Sequence[str] = tuple(field.name for field in fields(model))
        self.columns = ", ".join(self.names)
        self.state_columns = frozenset(states.columns if states is not None else ())
        self._touch = touch
        if states is not None:
            governed = GOVERNED.setdefault(states.service(), [])
            if all(table.name != name for table in governed):
                governed.append(self)
        self._inserted: Sequence[str] = tuple(name for name in self.names if name not in generated)

    def qualified(self, alias: str) -> str:
        """The columns for a SELECT in which the table is called ``alias``."""
        return ", ".join(f"{alias}.{name}" for name in self.names)

    async def get(self, session: Session, key: Any, *, lock: bool = False, **where: Any) -> M | None:
        """The live row of this key that meets every ``column=value``; ``lock``: until the transaction ends."""
        arguments = Arguments(key)
        sql = f"SELECT {self.columns} FROM {self.name} WHERE {self.key} = $1 AND {self._live(arguments, where)}"
        return await session.one(self.model, f"{sql} FOR UPDATE" if lock else sql, *arguments.values)

    async def find(self, session: Session, *, order: str = "", **where: Any) -> list[M]:
        """Every live row that meets every ``column=value``, by ``order`` (the key, unless given)."""
        arguments = Arguments()
        sql = (
            f"SELECT {self.columns} FROM {self.name} WHERE {self._live(arguments, where)} ORDER BY {order or self.key}"
        )
        return await session.all(self.model, sql, *arguments.values)

    async def insert(self, uow: UnitOfWork, row: M | Mapping[str, Any]) -> M:
        """Writes a new row, whole or as the columns given; answers it as the database has it.

        Errors: UniqueViolation, ForeignKeyViolation; ValueError for a state no row may begin in.
        """
        created = await self._insert(uow, row)
        assert created is not None
        return created

    async def try_insert(self, uow: UnitOfWork, row: M | Mapping[str, Any]) -> M | None:
        """The same; None, and nothing written, where a unique key is taken."""
        return await self._insert(uow, row, " ON CONFLICT DO NOTHING")

    async def _insert(self, uow: UnitOfWork, row: M | Mapping[str, Any], on_conflict: str = "") -> M | None:
        values = row if isinstance(row, Mapping) else {name: getattr(row, name) for name in self._inserted}
        self._check_initial(values)
        placeholders = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        into = f"INSERT INTO {self.name} ({', '.join(values)}) VALUES ({placeholders})"
        return await uow.one(self.model, f"{into}{on_conflict} RETURNING {self.columns}", *values.values())

    async def update(
        self, uow: UnitOfWork, key: Any, *, where: Mapping[str, Any] | None = None, **changes: Any
    ) -> M | None:
        """Writes columns that are no state; None when there is no such live row, or ``where`` is not met."""
        governed = self.state_columns & changes.keys()
        if governed:
            raise ValueError(f"{self.name}.{', '.join(sorted(governed))} changes by a transition only")
        arguments = Arguments(key)
        return await self.write(uow, arguments, changes, self._live(arguments, where or {}))

    async def write(
        self, uow: UnitOfWork, arguments: Arguments, changes: Mapping[str, Any], condition: str
    ) -> M | None:
        """The UPDATE behind ``update`` and ``transition``; ``arguments`` begins with the key."""
        if self._touch is not None and self._touch not in changes:
            changes = {self._touch: uow.now, **changes}
        assignments = ", ".join(f"{name} = {arguments.placeholder(value)}" for name, value in changes.items())
        return await uow.one(
            self.model,
            f"UPDATE {self.name} SET {assignments} WHERE {self.key} = $1 AND {condition} RETURNING {self.columns}",
            *arguments.values,
        )

    async def delete(self, uow: UnitOfWork, key: Any, **where: Any) -> bool:
        """Removes the row itself; False when there is none that meets ``where``."""
        arguments = Arguments(key)
        condition = self._live(arguments, where)
        return bool(
            await uow.execute(f"DELETE FROM {self.name} WHERE {self.key} = $1 AND {condition}", *arguments.values)
        )

    def _live(self, arguments: Arguments, where: Mapping[str, Any]) -> str:
        return " AND ".join([self.live, *(arguments.equals(column, value) for column, value in where.items())])

    def _check_initial(self, values: Mapping[str, Any]) -> None:
        for column, states in (self.states.initial if self.states is not None else {}).items():
            if states is not None and values.get(column) not in states:
                raise ValueError(f"no {self.states and self.states.noun} begins in {column} {values.get(column)!r}")
