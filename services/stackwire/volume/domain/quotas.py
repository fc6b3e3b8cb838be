"""What a project may have unless its own limits say otherwise; -1: no limit (cinder/quota.py)."""

from collections.abc import Mapping

DEFAULT_CLASS = "default"
"""The class whose limits projects have that have none of their own."""
DEFAULT_LIMITS: Mapping[str, int] = {
    "volumes": 10,
    "snapshots": 10,
    "gigabytes": 1000,
    "per_volume_gigabytes": -1,
    "backups": 10,
    "backup_gigabytes": 1000,
    "groups": 10,
}
