"""What two clouds answered in one form: ids by name, and times, hosts and the like as ``<time>``, ``<host>``."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PATTERNS = (
    (re.compile(rf"req-<?{UUID}>?"), "<req>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "<hex32>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "<time>"),
    (re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])"), "<mac>"),
    (re.compile(r"(?<![\d./])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), "<ip>"),
    (re.compile(r"https?://[A-Za-z0-9_.-]+(:\d+)?"), "<endpoint>"),
)
DEPLOYMENT = {
    "timestamp", "message_id", "audit_period_beginning", "audit_period_ending", "_unique_id", "reservation_id",
    "adminPass", "instance_name", "OS-EXT-SRV-ATTR:instance_name", "OS-EXT-SRV-ATTR:reservation_id", "hostId",
    "auth_token", "expires_at", "remote_address", "receiver_ip", "host", "node", "attached_host", "force_hosts",
    "force_nodes", "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname", "hypervisor_hostname", "volume_type",
    "stores", "backend", "os-vol-host-attr:host", "os_glance_importing_to_stores",
}  # fmt: skip
"""Keys whose values are a deployment's own."""


@dataclass
class Names:
    """What the ids of one run are called."""

    by_id: dict[str, str] = field(default_factory=dict)

    def bind(self, name: str, ident: str) -> None:
        self.by_id.setdefault(ident, name)

    def normal(self, value: Any, key: str = "") -> Any:
        """A decoded body in the common form."""
        if isinstance(value, dict):
            return {self._word(name): self.normal(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return self._list(value, key)
        if key == "id" and isinstance(value, int):
            return "<int>"
        if key in DEPLOYMENT and value is not None:
            return f"<{key}>"
        if isinstance(value, float):
            return "<float>"
        return self._text(value, key) if isinstance(value, str) else value

    def _text(self, value: str, key: str) -> Any:
        if key == "boot_roles":
            return ",".join(sorted(value.split(",")))
        if key == "block_device_mapping" and value.startswith("["):
            return self.normal(json.loads(value), key)
        return self._word(value)

    def _list(self, value: list[Any], key: str) -> list[Any]:
        rows = [self.normal(item, key) for item in value]
        if rows and all(isinstance(row, dict) and {"key", "value"} <= row.keys() for row in rows):
            rows.sort(key=lambda row: str(row["key"]))
        if key in ("tags", "roles") and all(isinstance(row, str) for row in rows):
            rows.sort()
        return rows

    def _word(self, text: str) -> str:
        for ident, name in self.by_id.items():
            text = text.replace(ident, name)
        for pattern, name in PATTERNS:
            text = pattern.sub(name, text)
        return text


ABSENT = "(absent)"


def unequal(where: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each place at which two values in the common form differ, and both values; ABSENT for a key that one has not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from unequal(f"{where}.{key}", one.get(key, ABSENT), other.get(key, ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (each, counterpart) in enumerate(zip(one, other, strict=True)):
            yield from unequal(f"{where}[{at}]", each, counterpart)
    elif one != other or type(one) is not type(other):
        yield where, one, other
