"""Failpoints: named places at which a process can be made to exit as by kill -9, for the tests of crash recovery.

``STACKWIRE_FAILPOINT=after_commit:create_volume`` ends the process right after the commit of the first unit of work
that has a message ``create_volume`` (an RPC method or an event type) in it.  The failpoints: ``before_commit``,
``after_commit``, ``after_publish`` (confirmed by the broker, not yet marked as sent).  ``STACKWIRE_FAILPOINT_FILE``
names a file with the same content, read while the process runs and removed by the crash it causes.  With neither set,
a failpoint costs one comparison.

The former names, STACKWIRE_CRASH_AT and STACKWIRE_CRASH_FILE, still work and log a warning.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

EXIT_CODE = 137


def _setting(name: str, deprecated: str) -> str:
    if name in os.environ:
        return os.environ[name]
    if deprecated in os.environ:
        logging.getLogger(__name__).warning("%s is deprecated: use %s", deprecated, name)
    return os.environ.get(deprecated, "")


_FAILPOINT = _setting("STACKWIRE_FAILPOINT", "STACKWIRE_CRASH_AT")
_FILE = _setting("STACKWIRE_FAILPOINT_FILE", "STACKWIRE_CRASH_FILE")


def hit(failpoint: str, message_names: Iterable[str]) -> None:
    """Ends the process with EXIT_CODE when this failpoint is set for one of the messages."""
    if not _FAILPOINT and not _FILE:
        return
    active = _active()
    if active and any(f"{failpoint}:{name}" == active for name in message_names):
        if _FILE:
            Path(_FILE).unlink(missing_ok=True)
        os._exit(EXIT_CODE)


def _active() -> str:
    if not _FILE:
        return _FAILPOINT
    try:
        return Path(_FILE).read_text().strip()
    except FileNotFoundError:
        return _FAILPOINT
