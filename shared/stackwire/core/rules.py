"""Property rules that announce themselves: ``@rule`` gives a travel function its name, its upstream source and how the
map of properties before and after it is read; ``UnitOfWork.apply`` computes it and emits the lineage event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, runtime_checkable

P = ParamSpec("P")
R = TypeVar("R")
Properties = Mapping[str, Any]
RULES: dict[str, "Rule[..., Any]"] = {}
"""Every rule by name, as far as its module is imported."""


@runtime_checkable
class Flattened(Protocol):
    """A resource that shows its attributes and properties as one map."""

    def flat(self) -> Properties: ...


def properties_of(value: object) -> Properties:
    """A mapping as it is, a resource flattened; TypeError for anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Flattened):
        return value.flat()
    raise TypeError(f"{type(value).__name__} is no map of properties")


@dataclass(frozen=True, slots=True)
class Rule(Generic[P, R]):
    """A travel function that is called as before.

    ``name``: ``<service>.<function>``; ``source``: the upstream function; ``prefix``: what the rule puts before names
    (``-image_`` takes it off); ``before``: the properties in the first argument; ``after``: those in the result;
    ``partial``: the result adds to what the target has.
    """

    function: Callable[P, R]
    name: str
    source: str
    prefix: str = ""
    before: Callable[[Any], Properties] = properties_of
    after: Callable[[Any], Properties] = properties_of
    partial: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]


def rule(
    name: str,
    *,
    source: str,
    prefix: str = "",
    before: Callable[[Any], Properties] = properties_of,
    after: Callable[[Any], Properties] = properties_of,
    partial: bool = False,
) -> Callable[[Callable[P, R]], Rule[P, R]]:
    """Makes the function below it a rule. One function may have two sources; two functions of one name are an error."""

    def named(function: Callable[P, R]) -> Rule[P, R]:
        created = Rule(function, name, source, prefix, before, after, partial)
        if name in RULES and RULES[name].function is not function:
            raise ValueError(f"two rules are called {name}")
        RULES.setdefault(name, created)
        return created

    return named


@dataclass(frozen=True, slots=True)
class Resource:
    """One end of a transfer of properties: ``kind`` is image, volume, snapshot, backup, server, guest or client."""

    kind: str
    id: str
