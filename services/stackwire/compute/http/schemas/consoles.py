"""The bodies that open a console. ``nova/api/openstack/compute/schemas/remote_consoles.py``."""

from typing import Literal

from stackwire.compute.http.schemas.fields import Body
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion


class VncConsole(Body):
    """The value of ``os-getVNCConsole``."""

    type: Literal["novnc", "xvpvnc"]


class SpiceConsole(Body):
    """The value of ``os-getSPICEConsole``."""

    type: Literal["spice-html5"]


class SerialConsole(Body):
    """The value of ``os-getSerialConsole``."""

    type: Literal["serial"]


class RemoteConsole(Body):
    """``remote_console``; ``rdp`` is known, and not to be had."""

    protocol: Literal["vnc", "spice", "serial", "rdp", "mks"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5", "webmks", "spice-direct"]

    def check(self, version: Microversion) -> None:
        """BadRequest for a protocol or a type that this version does not know."""
        for name, since in (("mks", (2, 8)), ("webmks", (2, 8)), ("spice-direct", (2, 99))):
            if name in (self.protocol, self.type) and version < since:
                raise BadRequest(f"Invalid input: this version knows no {name}.")


class CreateRemoteConsole(Body):
    """``POST /servers/{id}/remote-consoles``."""

    remote_console: RemoteConsole
