"""What a project may have, and which quotas each version has. ``nova/conf/quota.py``, its defaults."""

from collections.abc import Mapping

from stackwire.compute.domain.errors import MetadataLimitExceeded, TooManyInstances

DEFAULTS: Mapping[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "metadata_items": 128,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
}
UNLIMITED = -1
# Quotas that no longer exist or that another service has by now; shown to the versions that had them
NETWORK: Mapping[str, int] = {"fixed_ips": -1, "floating_ips": -1, "security_groups": -1, "security_group_rules": -1}
INJECTION: Mapping[str, int] = {"injected_files": 0, "injected_file_content_bytes": 0, "injected_file_path_bytes": 0}
NETWORK_UNTIL, INJECTION_UNTIL = (2, 36), (2, 57)


def check(limits: Mapping[str, int], used: Mapping[str, int], requested: Mapping[str, int]) -> None:
    """TooManyInstances (403) when what is requested does not fit beside what is used; -1 is no limit."""
    for name, wanted in requested.items():
        limit = limits[name]
        if limit != UNLIMITED and used[name] + wanted > limit:
            raise TooManyInstances(overs=name, req=wanted, used=used[name], allowed=limit)


def exceeds_metadata_items(limits: Mapping[str, int], count: int) -> bool:
    """Whether these are more items than a server or an image may have."""
    return 0 <= limits["metadata_items"] < count


def check_metadata_items(limits: Mapping[str, int], count: int) -> None:
    """MetadataLimitExceeded (403) for more items than a server may have."""
    if exceeds_metadata_items(limits, count):
        raise MetadataLimitExceeded(allowed=limits["metadata_items"])


def fitting(limits: Mapping[str, int], used: Mapping[str, int], each: Mapping[str, int], most: int) -> int:
    """How many of something, ``most`` at most, fit beside what is used."""
    room = [
        max(0, limits[name] - used[name]) // wanted
        for name, wanted in each.items()
        if wanted and limits[name] != UNLIMITED
    ]
    return min([most, *room])


def quota_set(values: Mapping[str, int], version: tuple[int, int]) -> dict[str, int]:
    """The quota set as a version shows it."""
    network = NETWORK if version < NETWORK_UNTIL else {}
    injection = INJECTION if version < INJECTION_UNTIL else {}
    return {**values, **network, **injection}
