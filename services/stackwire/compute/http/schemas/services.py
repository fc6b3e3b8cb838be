"""The bodies of ``PUT /os-services/...``. ``nova/api/openstack/compute/schemas/services.py``."""

from typing import Literal

from stackwire.compute.http.schemas.fields import Body, Flag, Hostname, ShortNotEmpty


class OldServiceChange(Body):
    """Until 2.52, the path being the change; ``forced_down`` since 2.11."""

    host: Hostname
    binary: ShortNotEmpty
    disabled_reason: ShortNotEmpty | None = None
    forced_down: Flag | None = None


class ServiceChange(Body):
    """Since 2.53, the path being the service."""

    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: ShortNotEmpty | None = None
    forced_down: Flag | None = None
