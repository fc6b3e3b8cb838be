"""Why an HTTP request failed, in the operating system's words instead of a library's."""

import os

import aiohttp

from stackwire.trace.domain.redact import redacted


def network_error_text(error: Exception) -> str:
    """One line, without a login."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno and error.os_error.errno > 0:
        return os.strerror(error.os_error.errno)
    if isinstance(error, aiohttp.ServerDisconnectedError) or (type(error) is aiohttp.ClientOSError):
        return "it closes the connection"
    return " ".join(str(redacted(str(error))).split())
