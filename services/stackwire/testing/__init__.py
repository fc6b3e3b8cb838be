"""What tests of a user import: a cloud, what directs it, and assertions on its messages and property lineage.

from stackwire.testing import Cloud

with Cloud() as cloud:
    server = cloud.connection().create_server(...)
    assert cloud.trace.lineage(server.id).kept("hw_disk_bus")

Names that are not exported here may change in any release. Each is imported when it is used: the pytest plugin is in
this package, and costs a run that has no cloud nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackwire.testing.admin import AdminClient, AdminError
    from stackwire.testing.answers import Answer
    from stackwire.testing.bus import Bus, Message, NotExpected, StandIn
    from stackwire.testing.clock import Clock, Pace
    from stackwire.testing.cloud import Cloud, SubprocessCloud
    from stackwire.testing.containers import StackwireContainer
    from stackwire.testing.faults import Fault, Faults
    from stackwire.testing.trace import Lineage, Story, Trace

__all__ = [
    "AdminClient", "AdminError", "Answer", "Bus", "Clock", "Cloud", "Fault", "Faults", "Lineage", "Message",
    "NotExpected", "Pace", "StackwireContainer", "StandIn", "Story", "SubprocessCloud", "Trace",
]  # fmt: skip
_MODULES = {
    "admin": ("AdminClient", "AdminError"),
    "answers": ("Answer",),
    "bus": ("Bus", "Message", "NotExpected", "StandIn"),
    "clock": ("Clock", "Pace"),
    "cloud": ("Cloud", "SubprocessCloud"),
    "containers": ("StackwireContainer",),
    "faults": ("Fault", "Faults"),
    "trace": ("Lineage", "Story", "Trace"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
