"""What lies on a back end beside its volumes and snapshots, and which of it may become one.

``cinder/volume/drivers/lvm.py: get_manageable_volumes``, ``cinder/volume/volume_utils.py: paginate_entries_list``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stackwire.contracts.volume import InvalidInput
from stackwire.volume.domain.errors import InvalidReference
from stackwire.volume.domain.size_checks import gibibytes

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+=-]{0,254}")


def source_name(ref: Mapping[str, Any], managed: Mapping[str, str]) -> str:
    """The file that a reference names: a plain name, of nothing that is managed. InvalidReference.

    ``managed``: id of the volume or snapshot by the name of its file.
    """
    name = ref.get("source-name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidReference(existing_ref=_text(ref), reason="it must have a source-name, the name of a file.")
    if name in managed:
        raise InvalidReference(existing_ref=_text(ref), reason="it is managed already.")
    return name


def _text(ref: Mapping[str, Any]) -> str:
    return str(dict(ref))[:255]


def entries(
    files: Mapping[str, tuple[int, int]], managed: Mapping[str, str], others: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One for each file that is, or could become, what is asked for. ``managed``: id by name of those that are;
    ``others``: of what is another thing. A file with a second name is about to be managed.
    """
    found = []
    for name, (size, names) in files.items():
        if name in others or not _NAME.fullmatch(name) or (names > 1 and name not in managed):
            continue
        ident = managed.get(name)
        found.append(
            {
                "reference": {"source-name": name},
                "size": gibibytes(size),
                "safe_to_manage": ident is None,
                "reason_not_safe": None if ident is None else "already managed",
                "cinder_id": ident,
                "extra_info": None,
            }
        )
    return found


def page(
    found: Sequence[dict[str, Any]], marker: str | None, limit: int, offset: int, order: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """In this order (reference or size, asc or desc), from after the marker, a reference as JSON. InvalidInput."""
    ordered = list(found)
    for key, direction in reversed(order):
        ordered.sort(key=lambda entry: _sortable(entry[key]), reverse=direction == "desc")
    start = 0
    if marker:
        try:
            wanted = orjson.loads(marker)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(reason=f"marker {marker[:255]} is not JSON") from error
        places = [place for place, entry in enumerate(ordered, 1) if entry["reference"] == wanted]
        if not places:
            raise InvalidInput(reason=f"marker not found: {marker[:255]}")
        start = places[0]
    return ordered[start + offset : start + offset + limit]


def _sortable(value: Any) -> Any:
    return value["source-name"] if isinstance(value, dict) else value
