"""Bodies of /os-services/{action} (``cinder/api/schemas/services.py``)."""

from typing import Annotated, Any

from pydantic import StringConstraints, model_validator

from stackwire.volume.http.schemas.fields import Body, Named, Text

Host = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-._#@:/+\[\]]+$")]


class EnableBody(Body):
    """``service``: the older name of ``binary``, one of which is needed."""

    binary: Named | None = None
    service: Named | None = None
    host: Host | None = None
    cluster: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_a_service(cls, value: Any) -> Any:
        if isinstance(value, dict) and not {"binary", "service"} & value.keys():
            raise ValueError("names neither binary nor service")
        if isinstance(value, dict) and None in (value.get("binary", ""), value.get("service", "")):
            raise ValueError("names binary or service otherwise than by text")
        return value

    @property
    def named(self) -> str:
        """The binary."""
        return self.binary or self.service or ""

    def named_service(self) -> dict[str, str | None]:
        """As answers repeat it."""
        return {"host": self.host, "service": self.service or "", "binary": self.binary or ""}


class DisableReasonBody(EnableBody):
    disabled_reason: Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)] = ""


class FreezeBody(Body):
    host: Host | None = None
    cluster: Text | None = None


class FailoverBody(FreezeBody):
    backend_id: Text | None = None
