"""Clients that go away, or never spoke HTTP: nobody's mistake here, and nothing for a log of warnings."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class ClientsDoing(logging.Filter):
    """Lets through what aiohttp has to say about this side."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (ConnectionError, HttpProcessingError))


log = logging.getLogger("stackwire.http.server")
log.addFilter(ClientsDoing())
"""For aiohttp's AppRunner, which takes a failed write for an error of the handler, and tells it with its traceback."""
