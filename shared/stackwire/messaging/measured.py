"""Calls and handled messages, as metrics and as lines of the log."""

import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from prometheus_client import Counter, Histogram

from stackwire.core.context import CURRENT
from stackwire.core.metrics import RPC_CALLED, RPC_CALLED_SECONDS, RPC_SERVED, RPC_SERVED_SECONDS

log = logging.getLogger("stackwire.rpc")


def served(service: str, topic: str, method: str) -> AbstractContextManager[None]:
    """Around a handler: logged as information where it is for a user, for debugging where it is a service's own."""
    return _measured("served", logging.INFO, RPC_SERVED, RPC_SERVED_SECONDS, service, topic, method)


def called(service: str, topic: str, method: str) -> AbstractContextManager[None]:
    """Around a call: who serves it logs it, so that here it is for debugging."""
    return _measured("called", logging.DEBUG, RPC_CALLED, RPC_CALLED_SECONDS, service, topic, method)


@contextmanager
def _measured(
    what: str, level: int, counted: Counter, seconds: Histogram, service: str, topic: str, method: str
) -> Iterator[None]:
    began, result = time.perf_counter(), "ok"
    try:
        yield
    except BaseException as error:
        result = type(error).__name__
        raise
    finally:
        took = time.perf_counter() - began
        counted.labels(service, topic, method, result).inc()
        seconds.labels(service, topic, method).observe(took)
        context = CURRENT.get()
        if context is None or context.user_id is None:
            level = logging.DEBUG
        if log.isEnabledFor(level):
            extra = {"service": service, "topic": topic, "method": method, "result": result, "seconds": round(took, 6)}
            log.log(level, f"{service} {what} {topic}.{method}: {result} {took:.4f}", extra={"details": extra})
