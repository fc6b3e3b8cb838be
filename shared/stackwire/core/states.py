"""State machines as classes: one row per verb. ``db.transitions.transition`` is the only writer of a state column.

    class VolumeStates(Machine, noun="volume", columns=("status",), initial="creating"):
        begin_delete = Verb("available error", "deleting", on_crash=RESUME, source="cinder/volume/api.py: delete")
        reset_status = Verb(ANY, ANY)

A machine has one column or several (a server has ``vm_state`` and ``task_state``); with several, sources and goals are
mappings from column to states. A set of states is written as ``"available error"`` (names separated by blanks),
``None`` (NULL), a tuple of names and None, or ``ANY``.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import product
from typing import Any, ClassVar, Final, TypeAlias


class AnyState(Enum):
    """The type of ``ANY``."""

    ANY = "any"


class Resume(Enum):
    """The type of ``RESUME``."""

    RESUME = "resume"


ANY: Final = AnyState.ANY
"""Any state at all: as a source no condition, as a goal whatever the caller gives."""
RESUME: Final = Resume.RESUME
"""As ``on_crash``: the interrupted work is done again."""

State: TypeAlias = str | None
States: TypeAlias = frozenset[str | None]
StateSpec: TypeAlias = str | tuple[str | None, ...] | AnyState | None
Spec: TypeAlias = StateSpec | Mapping[str, StateSpec]


def states_of(spec: StateSpec) -> States | None:
    """The set that a specification stands for; None for ``ANY``."""
    if spec is ANY:
        return None
    if spec is None:
        return frozenset({None})
    return frozenset(spec.split() if isinstance(spec, str) else spec)  # type: ignore[union-attr]  # narrowed above, which mypy does not see through the enum


class Verb:
    """One operation on a noun's state: from which states it may start, where it leads.

    ``sources``: a column that is not named may have any state. ``to``: a column that is not named stays as it is; where
    there are several goals the caller of ``transition`` gives the one he means. ``on_crash``: what recovery makes of a
    row that a dead worker left in a goal of this verb: the name of another verb, ``RESUME``, or None (the goal is a
    state of rest). ``crash_if``: further asked of the row, where two verbs with different ``on_crash`` share a goal.
    ``source``: where upstream does it.
    """

    name: str = ""
    machine: "type[Machine]"
    sources: Mapping[str, States | None]
    to: Mapping[str, States | None]

    def __init__(
        self,
        sources: Spec,
        to: Spec,
        *,
        on_crash: "str | Resume | None" = None,
        crash_if: Callable[[Any], bool] | None = None,
        source: str = "",
    ) -> None:
        self._specs = (sources, to)
        self.on_crash = on_crash
        self.crash_if = crash_if
        self.source = source

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{self.machine.__name__}.{self.name}"

    def bind(self, machine: "type[Machine]") -> None:
        """Resolves the specifications against the machine's columns; ValueError for a column it has not."""
        self.machine = machine
        self.sources, self.to = (_by_column(spec, machine.columns) for spec in self._specs)

    def allows(self, **state: State) -> bool:
        """Whether the verb may start in this state; a column that is not given is not asked for."""
        return all(
            allowed is None or column not in state or state[column] in allowed
            for column, allowed in self.sources.items()
        )

    def leads_to(self, row: object) -> bool:
        """Whether the row (an object with the state columns as attributes) is in a goal of this verb."""
        return bool(self.to) and all(
            goals is not None and getattr(row, column) in goals for column, goals in self.to.items()
        )


def _by_column(spec: Spec, columns: tuple[str, ...]) -> Mapping[str, States | None]:
    if isinstance(spec, Mapping):
        unknown = spec.keys() - set(columns)
        if unknown:
            raise ValueError(f"no state columns: {sorted(unknown)}")
        return {column: states_of(value) for column, value in spec.items()}
    if len(columns) != 1:
        raise ValueError(f"with several columns ({', '.join(columns)}) states are given as a mapping")
    return {columns[0]: states_of(spec)}


class Machine:
    """A noun's states. Subclasses are tables of verbs; they are never instantiated.

    ``noun``: its name; ``columns``: its state columns; ``initial``: the states a row may be created in;
    ``reserved``: states that rows may be in though no verb here leads there (other versions, features not simulated).
    A source that is none of the goals, initial or reserved states is a misspelling: ValueError when the class is made.
    """

    noun: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    initial: ClassVar[Mapping[str, States | None]]
    reserved: ClassVar[Mapping[str, States | None]]
    verbs: ClassVar[tuple[Verb, ...]]

    def __init_subclass__(
        cls, *, noun: str, columns: tuple[str, ...], initial: Spec, reserved: Mapping[str, StateSpec] | None = None
    ) -> None:
        cls.noun, cls.columns = noun, columns
        cls.initial, cls.reserved = _by_column(initial, columns), _by_column(reserved or {}, columns)
        cls.verbs = tuple(value for value in vars(cls).values() if isinstance(value, Verb))
        for verb in cls.verbs:
            verb.bind(cls)
        cls._check_spelling()
        cls._check_recovery()

    @classmethod
    def service(cls) -> str:
        """The service whose noun it is."""
        return cls.__module__.split(".")[1] if cls.__module__.startswith("stackwire.") else cls.__module__

    @classmethod
    def states(cls, column: str) -> States:
        """Every state that a row's column can have."""
        sets = [cls.initial.get(column), cls.reserved.get(column), *(verb.to.get(column) for verb in cls.verbs)]
        return frozenset().union(*(states for states in sets if states is not None))

    @classmethod
    def verb(cls, name: str) -> Verb:
        """The verb of this name; KeyError."""
        return {verb.name: verb for verb in cls.verbs}[name]

    @classmethod
    def sources(cls, state: str, column: str | None = None) -> States:
        """The states from which some verb leads to ``state`` (of the machine's first column, unless named)."""
        column = column or cls.columns[0]
        return frozenset().union(
            *(verb.sources.get(column) or frozenset() for verb in cls.verbs if state in (verb.to.get(column) or ()))
        )

    @classmethod
    def transient(cls, column: str | None = None) -> States:
        """The states that a crash leaves something to do about: goals of verbs that have an ``on_crash``."""
        column = column or cls.columns[0]
        goals = (verb.to.get(column) for verb in cls.verbs if verb.on_crash is not None)
        return frozenset().union(*(states for states in goals if states is not None)) - {None}

    @classmethod
    def after_crash(cls, row: object) -> "Verb | Resume | None":
        """What recovery does with a row that nobody works on any more; None when it is in a state of rest."""
        for verb in cls.verbs:
            if (
                verb.on_crash is None
                or not verb.leads_to(row)
                or (verb.crash_if is not None and not verb.crash_if(row))
            ):
                continue
            return verb.on_crash if isinstance(verb.on_crash, Resume) else cls.verb(verb.on_crash)
        return None

    @classmethod
    def mermaid(cls) -> str:
        """The table as a Mermaid state diagram; verbs that start almost anywhere are listed as comments."""
        lines = ["stateDiagram-v2"]
        for verb in cls.verbs:
            lines += list(_edges(verb)) or [f"    %% {verb.name}: from any state{cls._exceptions(verb)}"]
        return "\n".join(lines)

    @classmethod
    def _exceptions(cls, verb: Verb) -> str:
        allowed = verb.sources[cls.columns[0]]
        excepted = sorted(map(str, cls.states(cls.columns[0]) - (allowed or cls.states(cls.columns[0]))))
        return f" but {', '.join(excepted)}" if excepted else ""

    @classmethod
    def _check_spelling(cls) -> None:
        for verb in cls.verbs:
            for column, sources in verb.sources.items():
                unknown = (sources or frozenset()) - cls.states(column) - {None}
                if unknown:
                    raise ValueError(
                        f"{cls.__name__}.{verb.name} starts from unknown states: {sorted(map(str, unknown))}"
                    )

    @classmethod
    def _check_recovery(cls) -> None:
        names = {verb.name for verb in cls.verbs}
        for verb in cls.verbs:
            if isinstance(verb.on_crash, str) and verb.on_crash not in names:
                raise ValueError(f"{cls.__name__}.{verb.name} has an unknown verb for a crash: {verb.on_crash}")
            for other in cls.verbs:
                if _ambiguous(verb, other):
                    raise ValueError(
                        f"{cls.__name__}: {verb.name} and {other.name} share a goal and differ after a crash"
                    )


def _ambiguous(one: Verb, other: Verb) -> bool:
    if one.on_crash is None or other.on_crash is None or one.on_crash == other.on_crash:
        return False
    if one.crash_if is not None or other.crash_if is not None or one.to.keys() != other.to.keys():
        return False
    return all((one.to[column] or frozenset()) & (other.to[column] or frozenset()) for column in one.to)


_FEW = 10
"""Of one column no diagram shows the sources of a verb that has more."""


def _from_almost_anywhere(verb: Verb) -> bool:
    if len(verb.machine.columns) == 1 and any(len(states or ()) > _FEW for states in verb.sources.values()):
        return True
    return all(states is None for states in verb.sources.values())


def _edges(verb: Verb) -> Iterator[str]:
    """Each pair of source and goal, labelled with the verb; nothing for one from almost anywhere, or to anywhere."""
    if _from_almost_anywhere(verb) or any(states is None for states in verb.to.values()):
        return
    fixed = {column: states for column, states in verb.sources.items() if states is not None}
    for combination in product(*(sorted(states, key=str) for states in fixed.values())):
        before = dict(zip(fixed, combination, strict=True))
        for goals in product(*(sorted(states or (), key=str) for states in verb.to.values())):
            after = {**before, **dict(zip(verb.to, goals, strict=True))}
            yield f"    {_node(before)} --> {_node(after)}: {verb.name}"


def _node(state: Mapping[str, State]) -> str:
    return "__".join(part.replace("-", "_") for part in state.values() if part is not None) or "none"
