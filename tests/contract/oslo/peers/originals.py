"""Reads messages with the classes of a real Nova or Cinder, as a process of an installation that has them.

originals.py nova|cinder   for each line of input, ``{"exchange", "routing_key", "body"}`` with the body as it was on
the bus, a line of output: what the classes do not accept of it, as a list. No process can load both services.
"""

import importlib
import inspect
import json
import logging
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from typing import Any

warnings.simplefilter("ignore")

MANAGERS = {
    "nova": {
        "conductor": "nova.conductor.manager.ComputeTaskManager",
        "scheduler": "nova.scheduler.manager.SchedulerManager",
        "scheduler_fanout": "nova.scheduler.manager.SchedulerManager",
        "compute": "nova.compute.manager.ComputeManager",
        "compute-alt": "nova.compute.manager.ComputeManager",
    },
    "cinder": {
        "cinder-scheduler": "cinder.scheduler.manager.SchedulerManager",
        "cinder-volume": "cinder.volume.manager.VolumeManager",
        "cinder-backup": "cinder.backup.manager.BackupManager",
    },
}


def named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


class Original:
    """One service's classes. ``registry``: versions of each class of object, the newest first."""

    def __init__(self, service: str) -> None:
        self.service = service
        named(f"{service}.objects.register_all")()
        self.managers = {topic: named(path) for topic, path in MANAGERS[service].items()}
        self.base = importlib.import_module(f"{service}.objects.base")
        prefix = service.capitalize()
        self.serializer = getattr(self.base, f"{prefix}ObjectSerializer")()
        self.registry = getattr(self.base, f"{prefix}ObjectRegistry")
        self.key = "nova_object" if service == "nova" else "versioned_object"
        self.context = named(f"{service}.context.RequestContext")
        if service == "nova":
            self._register_payloads()

    def _register_payloads(self) -> None:
        """The classes of notifications are registered for sending only."""
        package = importlib.import_module("nova.notifications.objects")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
        for payload in self.registry.notification_classes:
            self.registry.register(type(payload.__name__, (payload,), {"__init__": self.base.NovaObject.__init__}))

    def faults(self, message: dict[str, Any]) -> Iterator[str]:
        from oslo_messaging._drivers.common import deserialize_msg

        payload = deserialize_msg(json.loads(message["body"]))
        context = {key.removeprefix("_context_"): value for key, value in payload.items() if "_context_" in key}
        self.context.from_dict(context)
        if "method" in payload:
            yield from self._of_request(message, payload)
        yield from self._of_objects(payload.get("args"), "args")
        yield from self._of_objects(payload.get("result"), "result")
        if "versioned_notifications" in message["routing_key"]:
            yield from self._of_objects(payload["payload"], "payload", equal=True)

    def _of_request(self, message: dict[str, Any], payload: dict[str, Any]) -> Iterator[str]:
        from oslo_messaging._utils import version_is_compatible

        topic = (message["routing_key"] or message["exchange"]).split(".")[0]
        manager = self.managers.get(topic)
        if manager is None:
            yield f"no manager for {topic}"
            return
        target = manager.target
        if payload.get("namespace") != target.namespace:
            yield f"namespace {payload.get('namespace')}, theirs is {target.namespace}"
        if not version_is_compatible(target.version, payload.get("version", "1.0")):
            yield f"version {payload.get('version')}, theirs is {target.version}"
        method = getattr(manager, payload["method"], None)
        if method is None:
            yield f"{manager.__name__} has no {payload['method']}"
            return
        try:
            inspect.signature(method).bind(None, None, **payload["args"])
        except TypeError as error:
            yield f"{payload['method']}: {error}"

    def _of_objects(self, value: Any, where: str, *, equal: bool = False) -> Iterator[str]:
        """Each outermost object is made by the original; ``equal``: its version is the very same."""
        if isinstance(value, list):
            for item in value:
                yield from self._of_objects(item, where, equal=equal)
        elif isinstance(value, dict) and f"{self.key}.name" in value:
            yield from self._of_fields(value, where, equal=equal)
            try:
                made = self.serializer.deserialize_entity(None, value)
                if not hasattr(made, "obj_name"):
                    yield f"{where}: is no object"
            except Exception as error:
                yield f"{where}: {value[f'{self.key}.name']}: {type(error).__name__}: {error}"
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self._of_objects(item, f"{where}.{key}", equal=equal)

    def _of_fields(self, value: Any, where: str, *, equal: bool) -> Iterator[str]:
        if isinstance(value, list):
            for item in value:
                yield from self._of_fields(item, where, equal=equal)
        elif isinstance(value, dict):
            name, data = value.get(f"{self.key}.name"), value.get(f"{self.key}.data", value)
            known = self.registry._registry._obj_classes.get(name)
            if known:
                unknown = sorted(data.keys() - known[0].fields.keys())
                if unknown:
                    yield f"{where}: {name} has no {unknown}"
                if equal and value[f"{self.key}.version"] != known[0].VERSION:
                    yield f"{where}: {name} {value[f'{self.key}.version']}, theirs is {known[0].VERSION}"
            for key, item in data.items():
                yield from self._of_fields(item, f"{where}.{key}", equal=equal)


def main(service: str) -> None:
    original = Original(service)
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        message = json.loads(line)
        try:
            found = list(original.faults(message))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
