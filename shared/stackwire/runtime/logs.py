"""What a process logs, as text for people or as JSON for machines, one line a record; never a secret.

Each record that belongs to a request has its ids: those of oslo.log's context, under the same names.
"""

import logging
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from oslo_utils.strutils import mask_password

from stackwire.core.attributes import attributes
from stackwire.core.context import CURRENT
from stackwire.core.secrets import masked
from stackwire.core.settings import LogFormat, LogLevel

EXTRA = "details"
"""The attribute of a record with further keys of its JSON line: ``log.info(text, extra={EXTRA: {...}})``."""
_IDS = "request_id global_request_id user_id project_id"
_TOKEN = re.compile(r"\b(?:gAAAA|eyJ)[0-9A-Za-z_=-]{16,}(?:\.[0-9A-Za-z_=-]+)*")
"""Fernet's tokens, and ours, which are JSON Web Tokens."""

_HEADER = re.compile(r"((?:token|secret|password)\w*['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text without passwords (oslo.utils' rules), tokens, and the logins of URLs."""
    return _HEADER.sub(r"\1***", mask_password(_TOKEN.sub("***", masked(text))))


class _Formatter(logging.Formatter):
    """Text of an exception may have anything in it; so may that of a warning, which often is an exception's."""

    def text(self, record: logging.LogRecord) -> str:
        """The message, with the traceback where there is one."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return without_secrets(text) if record.levelno >= logging.WARNING else text

    def details(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """What the record says beside its text: the ids of the request, and its own keys."""
        context = CURRENT.get()
        ids = {} if context is None else {key: value for key, value in attributes(context, _IDS).items() if value}
        return {**ids, **getattr(record, EXTRA, {})}


class TextFormatter(_Formatter):
    """``2026-11-30 12:00:00.123 INFO stackwire.access [req-...] ...``; times are UTC."""

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        second = int(record.created)
        if self._second[0] != second:
            self._second = second, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        details = self.details(record)
        ids = " ".join(dict.fromkeys(details[key] for key in ("global_request_id", "request_id") if key in details))
        head = f"{self._second[1]}.{int(record.msecs):03} {record.levelname} {record.name}"
        return f"{head} [{ids}] {self.text(record)}" if ids else f"{head}: {self.text(record)}"


class JsonFormatter(_Formatter):
    """An object a line: ``time``, ``level``, ``logger``, ``message``, the ids, and what else the record has."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.text(record),
            **self.details(record),
        }
        return orjson.dumps(line, default=str).decode()


def configure(log_format: LogFormat = "text", level: LogLevel = "info") -> None:
    """Logs to standard error. ``level`` is for our own records; libraries log warnings, and with ``debug`` more.

    The AMQP libraries log every attempt to connect, which the transport does once itself.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    own = logging.getLevelNamesMapping()[level.upper()]
    others = logging.INFO if own == logging.DEBUG else max(own, logging.WARNING)
    logging.basicConfig(level=others, handlers=[handler], force=True)
    logging.getLogger("stackwire").setLevel(own)
    for library in ("aiormq", "aio_pika"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
