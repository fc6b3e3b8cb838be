"""What the API asks of the guest in a server, and of its consoles: calls and casts to its host, as Nova's."""

from typing import Any

from stackwire.contracts.base import Call, Cast, Contract
from stackwire.contracts.compute_workers import COMPUTE_HOST, NovaObject


class _OfInstance(Contract):
    """The arguments of a message about one server."""

    instance: NovaObject


class _OfConsole(_OfInstance):
    """The arguments of the calls that answer where a console is, and a token for it."""

    console_type: str


class GetVncConsole(_OfConsole, Call[dict[str, Any]], target=COMPUTE_HOST, method="get_vnc_console"):
    """A graphical console. ConsoleTypeUnavailable, ConsoleTypeInvalid."""


class GetSpiceConsole(_OfConsole, Call[dict[str, Any]], target=COMPUTE_HOST, method="get_spice_console"):
    """Likewise, over SPICE."""


class GetSerialConsole(_OfConsole, Call[dict[str, Any]], target=COMPUTE_HOST, method="get_serial_console"):
    """The guest's serial port."""


class GetMksConsole(_OfConsole, Call[dict[str, Any]], target=COMPUTE_HOST, method="get_mks_console"):
    """VMware's."""


GetConsole = GetVncConsole | GetSpiceConsole | GetSerialConsole | GetMksConsole


class SetAdminPassword(_OfInstance, Call[None], target=COMPUTE_HOST, method="set_admin_password"):
    """Give the guest's administrator this password; InstancePasswordSetFailed."""

    new_pass: str


class TriggerCrashDump(_OfInstance, Cast, target=COMPUTE_HOST, method="trigger_crash_dump"):
    """Send the guest an interrupt that asks for a dump."""


class InjectNetworkInfo(_OfInstance, Cast, target=COMPUTE_HOST, method="inject_network_info"):
    """Write the server's addresses into its guest, as far as the driver does that."""


class GetDiagnostics(_OfInstance, Call[dict[str, Any]], target=COMPUTE_HOST, method="get_diagnostics"):
    """Counters of a running guest, by the driver's own names."""


class GetInstanceDiagnostics(_OfInstance, Call[NovaObject], target=COMPUTE_HOST, method="get_instance_diagnostics"):
    """A running guest's ``Diagnostics``."""
