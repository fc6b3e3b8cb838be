"""Bodies of /clusters/enable and /clusters/disable."""

from stackwire.volume.http.schemas.fields import Body, Named, Text


class EnableClusterBody(Body):
    name: Named
    binary: str | None = "cinder-volume"


class DisableClusterBody(EnableClusterBody):
    disabled_reason: Text | None = None
