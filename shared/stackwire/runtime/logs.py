"""What a process logs, as text for people or as JSON for machines, one line a record; never a secret.

Each record that belongs to a request has its ids: those of oslo.log's context, under the same names.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

import orjson
from oslo_utils.strutils import mask_password

from stackwire.core.attributes import attributes
from stackwire.core.context import CURRENT
from stackwire.core.secrets import masked
from stackwire.core.settings import LogFormat, LogLevel

EXTRA = "details"
"""The attribute of a record with further keys of its JSON line: ``log.info(text, extra={EXTRA: {...}})``."""
FLUSH_SECONDS = 0.1
_IDS = "request_id global_request_id user_id project_id"
_TOKEN = re.compile(r"\b(?:gAAAA|eyJ)[0-9A-Za-z_=-]{16,}(?:\.[0-9A-Za-z_=-]+)*")
"""Fernet's tokens, and ours, which are JSON Web Tokens."""

_HEADER = re.compile(r"((?:token|secret|password)\w*['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text without passwords (oslo.utils' rules), tokens, and the logins of URLs."""
    return _HEADER.sub(r"\1***", mask_password(_TOKEN.sub("***", masked(text))))


class _Formatter(logging.Formatter):
    """Text of an exception may have anything in it; so may that of a warning, which often is an exception's."""

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "")

    def line(self, created: float, level: str, name: str, details: Mapping[str, Any], text: str) -> str:
        """One line of the log. ``created``: seconds since the epoch."""
        raise NotImplementedError

    def moment(self, created: float) -> str:
        """UTC, to the millisecond; most of it is made once a second."""
        second = int(created)
        if self._second[0] != second:
            self._second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second[1]}.{int((created - second) * 1000):03}"

    def format(self, record: logging.LogRecord) -> str:
        """One record, with the ids of the request and its own keys."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if record.levelno >= logging.WARNING:
            text = without_secrets(text)
        context = CURRENT.get()
        ids = {} if context is None else {key: value for key, value in attributes(context, _IDS).items() if value}
        details = {**ids, **getattr(record, EXTRA, {})}
        return self.line(record.created, record.levelname, record.name, details, text)


class TextFormatter(_Formatter):
    """``2026-11-30T12:00:00.123 INFO stackwire.access [req-...] ...``."""

    def line(self, created: float, level: str, name: str, details: Mapping[str, Any], text: str) -> str:
        """One line."""
        own, whole = details.get("request_id"), details.get("global_request_id")
        if own is None:
            return f"{self.moment(created)} {level} {name}: {text}"
        ids = own if whole is None or whole == own else f"{whole} {own}"
        return f"{self.moment(created)} {level} {name} [{ids}] {text}"


class JsonFormatter(_Formatter):
    """An object a line: ``time``, ``level``, ``logger``, ``message``, the ids, and what else the record has."""

    def line(self, created: float, level: str, name: str, details: Mapping[str, Any], text: str) -> str:
        """One line."""
        head = {"time": f"{self.moment(created)}+00:00", "level": level.lower(), "logger": name, "message": text}
        return orjson.dumps({**head, **details}, default=str).decode()


class LogOutput(logging.StreamHandler[TextIO]):
    """Standard error. What is written at once, as the access log is, costs a system call ten times a second alone."""

    def __init__(self, formatter: _Formatter) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(formatter)
        self._line = formatter.line
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def write_line(self, level: str, name: str, details: Mapping[str, Any], text: str) -> None:
        """A record without what makes records dear: where it was made, by which thread; in a loop only."""
        self._waiting.append(self._line(time.time(), level, name, details, text))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush_lines)

    def flush_lines(self) -> None:
        """Writes what waits."""
        self._timer = None
        if self._waiting:
            lines, self._waiting = self._waiting, []
            with suppress(OSError, ValueError):  # nobody reads standard error any more
                self.stream.write("\n".join(lines) + "\n")
                self.stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """One record, after what was written before it."""
        self.flush_lines()
        super().emit(record)

    def flush(self) -> None:
        """Also when the process ends (``logging.shutdown``)."""
        self.flush_lines()
        super().flush()


class _Outputs:
    """The one of this process, once it is configured."""

    log: LogOutput | None = None


def output() -> LogOutput | None:
    """Where lines may be written without a record; None where somebody else has configured the logging."""
    return _Outputs.log


def configure(log_format: LogFormat = "text", level: LogLevel = "info") -> None:
    """Logs to standard error. ``level`` is for our own records; libraries log warnings, and with ``debug`` more.

    The AMQP libraries log every attempt to connect, which the transport does once itself.
    """
    _Outputs.log = LogOutput(JsonFormatter() if log_format == "json" else TextFormatter())
    own = logging.getLevelNamesMapping()[level.upper()]
    others = logging.INFO if own == logging.DEBUG else max(own, logging.WARNING)
    logging.basicConfig(level=others, handlers=[_Outputs.log], force=True)
    logging.getLogger("stackwire").setLevel(own)
    for library in ("aiormq", "aio_pika"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
