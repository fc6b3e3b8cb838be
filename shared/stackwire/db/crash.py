"""Named moments at which a process can be made to die as from kill -9, for the tests of what survives it.

``STACKWIRE_CRASH_AT=after_commit:create_volume`` ends the process right after the commit of the first unit of work that
said ``create_volume`` (a method or an event type).  The moments: ``before_commit``, ``after_commit``, ``after_publish``
(sent to the broker, not yet marked as sent).  Unset, which is the rule, a moment costs one comparison.
"""

import os
from collections.abc import Iterable

_AT = os.environ.get("STACKWIRE_CRASH_AT", "")
EXIT_CODE = 137


def moment(name: str, said: Iterable[str]) -> None:
    """Dies here if this is the moment that was asked for."""
    if _AT and any(f"{name}:{word}" == _AT for word in said):
        os._exit(EXIT_CODE)
