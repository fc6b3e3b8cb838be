"""Values whose fields have the same names as another's: named once, copied together."""

from typing import Any


def attributes(source: object, names: str) -> dict[str, Any]:
    """The attributes of ``source`` by name: ``attributes(volume, "id size")``. AttributeError for an unknown one."""
    return {name: getattr(source, name) for name in names.split()}


def nulls(names: str) -> dict[str, None]:
    """The names with null: what the original has and this cloud never sets."""
    return dict.fromkeys(names.split())
