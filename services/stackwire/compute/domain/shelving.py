"""What the system metadata of a server say of it while it is shelved; the image it is shelved to has the rest.

``nova/compute/manager.py: _shelve_instance``, ``nova/compute/utils.py: remove_shelved_keys_from_system_metadata``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

AT, IMAGE_ID, HOST = KEYS = ("shelved_at", "shelved_image_id", "shelved_host")


def rows(moment: datetime, image_id: str, host: str) -> dict[str, str]:
    """The rows that a server on a disk of its own gets; one on volumes has none."""
    return {AT: moment.astimezone(UTC).replace(tzinfo=None).isoformat(), IMAGE_ID: image_id, HOST: host}


def without(system_metadata: Mapping[str, str]) -> dict[str, str]:
    """The rows of a server that is shelved no longer."""
    return {key: value for key, value in system_metadata.items() if key not in KEYS}


def image_name(server_name: str) -> str:
    """What the image of a shelved server is called."""
    return f"{server_name}-shelved"
