"""Log records about clients that disconnect, or that do not send HTTP: normal for a server, and no warnings."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class ClientDisconnectFilter(logging.Filter):
    """Drops records whose exception is a lost connection or a malformed request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (ConnectionError, HttpProcessingError))


log = logging.getLogger("stackwire.http.server")
log.addFilter(ClientDisconnectFilter())
"""For aiohttp's AppRunner, which logs a failed write as an error of the handler, with its traceback."""
