"""What a process counts and measures, under the names by which Prometheus, the dashboard and the alerts know it.

The registry is one for the process. Each series that belongs to a service has its name in the label ``service``, so
that the services of one process (``stackwire up``) answer each with its own.
"""

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began: as many lines again
REGISTRY = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST
HTTP_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
"""Others are counted together: clients may make up any number of them."""
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"stackwire_{name}", text, ("service", *labels), registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"stackwire_{name}", text, ("service", *labels), registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = SECONDS) -> Histogram:
    return Histogram(f"stackwire_{name}", text, ("service", *labels), buckets=buckets, registry=REGISTRY)


HTTP_REQUESTS = _counter("http_requests", "Answered requests", "method", "route", "status")
HTTP_SECONDS = _histogram("http_request_duration_seconds", "From the head to the last byte", "method", "route")
HTTP_CONNECTIONS = _gauge("http_connections", "Open connections of clients")
RPC_SERVED = _counter("rpc_served", "Messages handled; result: ok or the error's class", "topic", "method", "result")
RPC_SERVED_SECONDS = _histogram("rpc_served_duration_seconds", "How long handlers take", "topic", "method")
RPC_CALLED = _counter("rpc_called", "Calls made; result: ok or the error's class", "topic", "method", "result")
RPC_CALLED_SECONDS = _histogram("rpc_called_duration_seconds", "How long calls wait for replies", "topic", "method")
MESSAGE_WAIT = _histogram("message_wait_seconds", "From a message's publication to its delivery", "queue")
QUEUE_MESSAGES = _gauge("queue_messages", "Messages that wait in the queues this process consumes", "queue")
DEAD_LETTERS = _counter("dead_letters", "Messages given up; reason: poison, unavailable, failed, forged", "reason")
BROKER_UP = _gauge("broker_up", "1 while messages can be published and received")
OUTBOX_UNSENT = _gauge("outbox_unsent", "Messages committed and not sent yet")
OUTBOX_AGE = _gauge("outbox_oldest_seconds", "Age of the oldest message that is not sent yet")
RELAY_SENT = _counter("relay_sent", "Messages that the relay has sent", "kind")
RELAY_FAILURES = _counter("relay_failures", "Attempts of the relay that failed")
TRANSITIONS = _counter(
    "transitions", "Steps of flows; result: done, or refused by the state of the row", "resource", "verb", "result"
)
RESOURCES = _gauge("resources", "Rows by state, in the database", "resource", "state")
TRANSIENT_AGE = _gauge("transient_oldest_seconds", "Since when a row is in a state of transition", "resource", "state")
LEASES = _gauge("leases", "Leases on rows; state: held, or expired", "state")
POOL_SIZE = _gauge("database_pool_size", "Connections that may be open")
POOL_IN_USE = _gauge("database_pool_in_use", "Connections in use")
POOL_WAITING = _gauge("database_pool_waiting", "Callers that wait for a connection")
LOOP_LAG = _histogram("event_loop_lag_seconds", "How late the event loop runs what is due", buckets=LAG_SECONDS)
HEALTH = _gauge("health", "1 while the check passes", "check")
DISK_FREE = _gauge("disk_free_bytes", "Free space", "folder")
SCRAPE_FAILURES = _counter("scrape_failures", "Scrapes that could not ask the database or the broker")

_PROCESS = (ProcessCollector(registry=REGISTRY), PlatformCollector(registry=REGISTRY), GCCollector(registry=REGISTRY))


class _OfService:
    """The registry without what belongs to other services of the process."""

    def __init__(self, service: str) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        for family in REGISTRY.collect():
            family.samples = [
                sample for sample in family.samples if sample.labels.get("service", self._service) == self._service
            ]
            yield family


def rendered(service: str) -> bytes:
    """Everything this process knows of the service and of itself, in Prometheus' text format."""
    return generate_latest(_OfService(service))  # type: ignore[arg-type]  # all it does is collect


def forget(gauge: Gauge, service: str) -> None:
    """Drops the service's series of it: what is not there any more is no zero that is kept for ever."""
    gauge.remove_by_labels({"service": service})
