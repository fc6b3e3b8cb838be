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

    def __init_subclass__(cls, wire: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        name = wire or f"{cls.__module__}.{cls.__qualname__}"
        known = REGISTRY.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"two errors claim the wire name {name}")
        cls.wire = name
        REGISTRY[name] = cls


class BadRequest(ServiceError):
    """The request is malformed."""

    status = 400
    title = "Bad Request"


class Unauthorized(ServiceError):
    """The request you have made requires authentication."""

    status = 401
    title = "Unauthorized"


class Forbidden(ServiceError):
    """You are not authorized to complete this action."""

    status = 403
    title = "Forbidden"


class OverQuota(Forbidden):
    """Quota exceeded for {resource}."""


class NotFound(ServiceError):
    """The resource could not be found."""

    status = 404
    title = "Not Found"


class NotAllowed(ServiceError):
    """The method {method} is not allowed for this resource."""

    status = 405
    title = "Method Not Allowed"


class Conflict(ServiceError):
    """There was a conflict when trying to complete your request."""

    status = 409
    title = "Conflict"


class Gone(ServiceError):
    """The resource is no longer available."""

    status = 410
    title = "Gone"


class TooLarge(ServiceError):
    """The request is too large."""

    status = 413
    title = "Request Entity Too Large"


class UnsupportedMedia(ServiceError):
    """The media type of the request is not supported."""

    status = 415
    title = "Unsupported Media Type"


class RangeNotSatisfiable(ServiceError):
    """The requested range cannot be served."""

    status = 416
    title = "Requested Range Not Satisfiable"


class NotSimulated(ServiceError):
    """Stackwire does not simulate {what}."""

    status = 501
    title = "Not Implemented"


class Unavailable(ServiceError):
    """The service is currently unable to handle the request."""

    status = 503
    title = "Service Unavailable"


class RemoteError(ServiceError):
    """A remote call failed: {exc_type}: {value}"""
