"""Failpoints: a rule ``worker.crash`` from the environment, for the tests of crash recovery, which need no admin port.

``STACKWIRE_FAILPOINT=after_commit:create_volume`` ends the process right after the commit of the first unit of work
that has a message ``create_volume`` (an RPC method or an event type) in it: the points are those of
``core.fault_rules``.  ``STACKWIRE_FAILPOINT_FILE`` names a file with the same content, read while the process runs and
removed by the crash it causes.

The former names, STACKWIRE_CRASH_AT and STACKWIRE_CRASH_FILE, still work and log a warning.
"""

import logging
import os
from pathlib import Path
from typing import NoReturn

from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import Fault, Faults

EXIT_CODE = 137
ID = "failpoint"
"""Of the rule that the environment names."""


def _setting(name: str, deprecated: str) -> str:
    if name in os.environ:
        return os.environ[name]
    if deprecated in os.environ:
        logging.getLogger(__name__).warning("%s is deprecated: use %s", deprecated, name)
    return os.environ.get(deprecated, "")


_FAILPOINT = _setting("STACKWIRE_FAILPOINT", "STACKWIRE_CRASH_AT")
_FILE = _setting("STACKWIRE_FAILPOINT_FILE", "STACKWIRE_CRASH_FILE")


def are_set() -> bool:
    """Whether the environment names any."""
    return bool(_FAILPOINT or _FILE)


class FailpointFaults(Faults):
    """Has the rule of the environment beside those that are set; the file is read whenever the rules are asked for."""

    def __init__(self, service: str = "", worker: str = "") -> None:
        self._given: tuple[Fault, ...] = ()
        super().__init__(service, worker)
        self.claim = _granted

    @property  # type: ignore[override]  # an attribute that is computed
    def rules(self) -> tuple[Fault, ...]:
        """Those that may happen in the service."""
        point = _active()
        if not point:
            return self._given
        return (*self._given, Fault(ID, FaultRule(kind="worker.crash", point=point), None))

    @rules.setter
    def rules(self, rules: tuple[Fault, ...]) -> None:
        self._given = rules


async def _granted(fault: Fault) -> bool:
    return True


def end_process(fault: Fault) -> NoReturn:
    """As by kill -9."""
    if fault.id == ID and _FILE:
        Path(_FILE).unlink(missing_ok=True)
    os._exit(EXIT_CODE)


def _active() -> str:
    if not _FILE:
        return _FAILPOINT
    try:
        return Path(_FILE).read_text().strip()
    except OSError:  # there is none, or no file is left to look with
        return _FAILPOINT
