"""``python -m stackwire.trace``: the tracer as a process of its own, beside a RabbitMQ."""

from typing import Any

from stackwire.runtime.main import main
from stackwire.trace.app import build
from stackwire.trace.settings import TraceSettings

_build_tracer: Any = build  # starts and stops like a Service, without a database

if __name__ == "__main__":
    main("trace", TraceSettings, _build_tracer)
