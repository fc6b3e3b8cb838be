"""The hierarchy of errors; every service derives its own from it.

    ServiceError                 500
      BadRequest                 400
      Unauthorized               401
      Forbidden                  403
        OverQuota                403   (Nova's quotas; Glance and Cinder respond 413: TooLarge)
      NotFound                   404
      NotAllowed                 405   known path, wrong method
      Conflict                   409
      Gone                       410
      TooLarge                   413
      UnsupportedMedia           415
      RangeNotSatisfiable        416
      NotSimulated               501   OpenStack has it, Stackwire does not
      Unavailable                503
      RemoteError                500   a failure from the bus whose class is not registered here

The docstring of a class is its message, formatted with its params.  ``wire`` is the name of a class on the bus: a
failure is sent under that name and received as the same class with the same params.
"""

import string
from typing import ClassVar

REGISTRY: dict[str, type["ServiceError"]] = {}


class MessageFormatter(string.Formatter):
    """Formats a message; a missing parameter is shown by its name, since an error must not fail itself."""

    def get_value(self, key: int | str, args: object, kwargs: object) -> object:
        params = kwargs if isinstance(kwargs, dict) else {}
        return params.get(key, f"<{key}>")


_FORMATTER = MessageFormatter()


class ServiceError(Exception):
    """An unexpected error prevented the server from fulfilling your request."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"
    wire: ClassVar[str] = "stackwire.core.errors.ServiceError"

    def __init__(self, message: str | None = None, **params: object) -> None:
        self.params = params
        self.message = message if message is not None else _FORMATTER.format(type(self).__doc__ or "", **params)
        super().__init__(self.message)

    def __init_subclass__(
        cls, wire: str | None = None, status: int | None = None, title: str | None = None, **kwargs: object
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.status = status or cls.status
        cls.title = title or cls.title
        name = wire or f"{cls.__module__}.{cls.__qualname__}"
        known = REGISTRY.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"two errors claim the wire name {name}")
        cls.wire = name
        REGISTRY[name] = cls


class BadRequest(ServiceError, status=400, title="Bad Request"):
    """The request is malformed."""


class Unauthorized(ServiceError, status=401, title="Unauthorized"):
    """The request you have made requires authentication."""


class Forbidden(ServiceError, status=403, title="Forbidden"):
    """You are not authorized to complete this action."""


class OverQuota(Forbidden):
    """Quota exceeded for {resource}."""


class NotFound(ServiceError, status=404, title="Not Found"):
    """The resource could not be found."""


class NotAllowed(ServiceError, status=405, title="Method Not Allowed"):
    """The method {method} is not allowed for this resource."""


class Conflict(ServiceError, status=409, title="Conflict"):
    """There was a conflict when trying to complete your request."""


class Gone(ServiceError, status=410, title="Gone"):
    """The resource is no longer available."""


class TooLarge(ServiceError, status=413, title="Request Entity Too Large"):
    """The request is too large."""


class UnsupportedMedia(ServiceError, status=415, title="Unsupported Media Type"):
    """The media type of the request is not supported."""


class RangeNotSatisfiable(ServiceError, status=416, title="Requested Range Not Satisfiable"):
    """The requested range cannot be served."""


class NotSimulated(ServiceError, status=501, title="Not Implemented"):
    """Stackwire does not simulate {what}."""


class Unavailable(ServiceError, status=503, title="Service Unavailable"):
    """The service is currently unable to handle the request."""


class RemoteError(ServiceError):
    """A remote call failed: {exc_type}: {value}"""
