"""Named moments at which a process can be made to die as from kill -9, for the tests of what survives it.

``STACKWIRE_CRASH_AT=after_commit:create_volume`` ends the process right after the commit of the first unit of work that
said ``create_volume`` (a method or an event type).  The moments: ``before_commit``, ``after_commit``, ``after_publish``
(sent to the broker, not yet marked as sent).  ``STACKWIRE_CRASH_FILE`` names a file that may say the same at any time
while the process runs; it is used up by the death it brings.  Unset, which is the rule, a moment costs one comparison.
"""

import os
from collections.abc import Iterable
from pathlib import Path

_AT = os.environ.get("STACKWIRE_CRASH_AT", "")
_FILE = os.environ.get("STACKWIRE_CRASH_FILE", "")
EXIT_CODE = 137


def moment(name: str, said: Iterable[str]) -> None:
    """Dies here if this is the moment that was asked for."""
    if not _AT and not _FILE:
        return
    asked = _asked()
    if asked and any(f"{name}:{word}" == asked for word in said):
        if _FILE:
            Path(_FILE).unlink(missing_ok=True)
        os._exit(EXIT_CODE)


def _asked() -> str:
    if not _FILE:
        return _AT
    try:
        return Path(_FILE).read_text().strip()
    except FileNotFoundError:
        return _AT
