"""Senders and receivers of messages: the daemons of the originals. The wire names the receiver; the sender follows
from what it sends, or from its reply queue."""

# By exchange and topic; on ``stackwire`` the services themselves.
_RECEIVERS = {
    ("nova", "conductor"): "nova-conductor",
    ("nova", "scheduler"): "nova-scheduler",
    ("nova", "compute"): "nova-compute",
    ("nova", "compute-alt"): "nova-compute",
    ("stackwire", "image"): "glance-api",
    ("stackwire", "volume"): "cinder-api",
    ("stackwire", "compute"): "nova-api",
    ("stackwire", "identity"): "keystone",
}
_FANOUTS = {"conductor": "nova-conductor", "scheduler": "nova-scheduler", "compute": "nova-compute"}
_PUBLISHERS = {
    "image": "glance-api",
    "volume": "cinder-volume",
    "snapshot": "cinder-volume",
    "backup": "cinder-backup",
    "compute": "nova-compute",
    "conductor": "nova-conductor",
    "scheduler": "nova-scheduler",
    "api": "nova-api",
}
# nova/conductor/rpcapi.py, nova/scheduler/rpcapi.py, nova/compute/rpcapi.py, cinder/*/rpcapi.py: the senders of methods
_FROM_COMPUTE = frozenset({"update_instance_info", "delete_instance_info", "sync_instance_info", "build_instances"})
_FROM_CONDUCTOR = frozenset(
    {"select_destinations", "build_and_run_instance", "rebuild_instance", "prep_resize", "live_migration"}
    | {"check_can_live_migrate_destination"}
)
_BETWEEN_HOSTS = frozenset(
    {"resize_instance", "finish_resize", "finish_revert_resize", "check_can_live_migrate_source"}
    | {"pre_live_migration", "post_live_migration_at_destination"}
)
_TO_CINDER_WORKERS = {
    **dict.fromkeys(
        ("create_volume", "create_snapshot", "create_backup", "manage_existing", "retype"), "cinder-scheduler"
    ),
    "get_backup_device": "cinder-backup",
    "continue_backup": "cinder-volume",
}

# Who listens in the house: what is before the first dot of a queue's name, and the host is behind it; to which events
_LISTENERS = {"image_cache": "nova-compute", "image_volume_cache": "cinder-volume"}
_LISTENED_TO = frozenset({"image.update", "image.delete"})

NOTIFICATIONS = "notifications"
DATABASE = "database"
WORKERS = ("nova-compute", "cinder-volume", "cinder-backup")
"""Participants with a host each."""


def receiver(exchange: str, routing_key: str) -> str:
    """The receiver of an RPC request, with its host where the message is for one: ``nova-compute@compute-1``."""
    if exchange.endswith("_fanout"):
        topic = exchange.removesuffix("_fanout").split(".")[0]
        return f"{_FANOUTS.get(topic, topic)} (all)"
    topic, _, host = routing_key.partition(".")
    participant = _RECEIVERS.get((exchange, topic), topic)
    return f"{participant}@{_host(host)}" if host else participant


def _host(text: str) -> str:
    """``host@backend.host`` is how Cinder addresses a back end of a host: the part before the repeated host."""
    address, dot, repeated = text.rpartition(".")
    return address if dot and address.split("@")[0] == repeated else text


def sender(exchange: str, routing_key: str, method: str) -> str:
    """The participant that sends such an RPC request, or an empty text when it does not follow from the request."""
    participant = receiver(exchange, routing_key).split("@")[0].removesuffix(" (all)")
    if participant == "nova-conductor":
        return "nova-compute" if method.startswith("object_") or method in _FROM_COMPUTE else "nova-api"
    if participant == "nova-scheduler":
        return "nova-compute" if method in _FROM_COMPUTE else "nova-conductor"
    if participant == "nova-compute":
        if method in _BETWEEN_HOSTS:
            return "nova-compute"
        return "nova-conductor" if method in _FROM_CONDUCTOR else "nova-api"
    if participant in ("cinder-volume", "cinder-backup"):
        return _TO_CINDER_WORKERS.get(method, "cinder-api")
    return "cinder-api" if participant == "cinder-scheduler" else ""


_SERVICES = {"image": "glance", "volume": "cinder", "compute": "nova", "identity": "keystone"}


def service(name: str) -> str:
    """A whole service (``cinder``), from the name of its connection to the bus (``stackwire-volume``)."""
    return _SERVICES.get(name.removeprefix("stackwire-"), "") if name.startswith("stackwire-") else ""


_APIS = {
    "image": "glance-api",
    "registry": "glance-registry",
    "volume": "cinder-api",
    "compute": "nova-api",
    "identity": "keystone",
}


def api(name: str) -> str:
    """A service's API, which answers HTTP requests."""
    return _APIS.get(name, name)


def listener(queue: str, event_type: str) -> str:
    """Who is told of the event at a queue; an empty text where nobody of this cloud acts on it there."""
    name, _, host = queue.partition(".")
    participant = _LISTENERS.get(name) if event_type in _LISTENED_TO else None
    return f"{participant}@{host}" if participant else ""


def publisher(publisher_id: str) -> str:
    """A notification's publisher: ``volume.host@pool`` (unversioned) or ``nova-compute:host``."""
    service, colon, _ = publisher_id.partition(":")
    if colon:
        return service
    service = publisher_id.split(".")[0]
    return _PUBLISHERS.get(service, service)


def worker(publisher_id: str) -> str:
    """A publisher with its host, as messages to it are addressed: ``volume.h@backend#pool`` is on ``h@backend``."""
    separator = ":" if ":" in publisher_id else "."
    return f"{publisher(publisher_id)}@{publisher_id.partition(separator)[2].partition('#')[0]}"
