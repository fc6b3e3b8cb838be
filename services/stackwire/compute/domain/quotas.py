"""What a project may have, and which quotas each version has. ``nova/conf/quota.py``, its defaults."""

from collections.abc import Collection, Iterable, Mapping
from functools import reduce

from stackwire.compute.domain.errors import (
    FilePathTooLong,
    FileTooLarge,
    MetadataLimitExceeded,
    TooManyFiles,
    TooManyInstances,
)
from stackwire.core.errors import BadRequest

DEFAULTS: Mapping[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "metadata_items": 128,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
    "fixed_ips": -1,
    "floating_ips": -1,
    "security_groups": -1,
    "security_group_rules": -1,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
}
UNLIMITED = -1
DEFAULT_CLASS = "default"
"""The class whose limits projects have that have none of their own."""
OF_PROJECTS = frozenset({"fixed_ips", "floating_ips"})
"""What no user has a limit of (``nova/db/main/api.py: PER_PROJECT_QUOTAS``)."""
_NETWORK = frozenset({"fixed_ips", "floating_ips", "security_groups", "security_group_rules"})
_INJECTION = frozenset({"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"})
_GROUPS = frozenset({"server_groups", "server_group_members"})
NETWORK_UNTIL, CLASS_NETWORK_UNTIL, INJECTION_UNTIL = (2, 36), (2, 50), (2, 57)

LimitsAndUsage = tuple[Mapping[str, int], Mapping[str, int]]
"""Limits by resource (-1: none), and what is used: instances, cores, MiB of memory, the caller's key pairs."""


def check(scopes: Iterable[LimitsAndUsage], requested: Mapping[str, int]) -> None:
    """TooManyInstances (403) when what is requested does not fit beside what is used, in the project or of the user."""
    for limits, used in scopes:
        for name, wanted in requested.items():
            limit = limits[name]
            if limit != UNLIMITED and used[name] + wanted > limit:
                raise TooManyInstances(overs=name, req=wanted, used=used[name], allowed=limit)


def smallest(*limits: Mapping[str, int]) -> dict[str, int]:
    """Of each resource the smallest of these limits."""
    return {name: reduce(smaller, (each[name] for each in limits)) for name in limits[0]}


def smaller(first: int, second: int) -> int:
    """Of two limits, of which -1 is none."""
    return max(first, second) if UNLIMITED in (first, second) else min(first, second)


def exceeds_metadata_items(limits: Mapping[str, int], count: int) -> bool:
    """Whether these are more items than a server or an image may have."""
    return 0 <= limits["metadata_items"] < count


def check_metadata_items(limits: Mapping[str, int], count: int) -> None:
    """MetadataLimitExceeded (403) for more items than a server may have."""
    if exceeds_metadata_items(limits, count):
        raise MetadataLimitExceeded(allowed=limits["metadata_items"])


def check_files(limits: Mapping[str, int], files: Collection[tuple[str, str]]) -> None:
    """Paths and base64 contents of the files that a server gets; TooManyFiles, FilePathTooLong, FileTooLarge (403)."""
    sizes = {
        TooManyFiles: ("injected_files", len(files)),
        FilePathTooLong: ("injected_file_path_bytes", max((len(path) for path, _ in files), default=0)),
        FileTooLarge: ("injected_file_content_bytes", max((len(content) for _, content in files), default=0)),
    }
    for refusal, (name, size) in sizes.items():
        if 0 <= limits[name] < size:
            raise refusal(allowed=limits[name])


def fitting(limits: Mapping[str, int], used: Mapping[str, int], each: Mapping[str, int], most: int) -> int:
    """How many of something, ``most`` at most, fit beside what is used."""
    room = [
        max(0, limits[name] - used[name]) // wanted
        for name, wanted in each.items()
        if wanted and limits[name] != UNLIMITED
    ]
    return min([most, *room])


def quota_names(version: tuple[int, int], network_until: tuple[int, int] = NETWORK_UNTIL) -> list[str]:
    """The quotas that a version sets: those of networks and of injected files end before the others."""
    ended = (_NETWORK if version >= network_until else frozenset()) | (
        _INJECTION if version >= INJECTION_UNTIL else frozenset()
    )
    return [name for name in DEFAULTS if name not in ended]


def quota_set(values: Mapping[str, int], version: tuple[int, int]) -> dict[str, int]:
    """The quota set as a version shows it."""
    return {name: values[name] for name in quota_names(version)}


def quota_class_set(values: Mapping[str, int], version: tuple[int, int]) -> dict[str, int]:
    """The limits of a class, likewise; server groups are shown since 2.50 only."""
    hidden = _GROUPS if version < CLASS_NETWORK_UNTIL else frozenset()
    return {name: values[name] for name in quota_names(version, CLASS_NETWORK_UNTIL) if name not in hidden}


def check_limit(name: str, limit: int, minimum: int, maximum: int) -> None:
    """BadRequest for a limit out of the range; -1 is more than any (``_validate_quota_limit``)."""
    if 0 <= limit < minimum:
        raise BadRequest(f"Quota limit {limit} for {name} must be at least {minimum}, which are in use or users'.")
    if maximum >= 0 and (limit == UNLIMITED or limit > maximum):
        raise BadRequest(f"Quota limit {limit} for {name} must be at most {maximum}, what the project has left.")


def for_project(limit: int, of_users: int, used: int) -> tuple[int, int]:
    """The least and the greatest (-1: any) limit that a project may get: its users keep what was given to them."""
    given = of_users if limit > UNLIMITED and limit - of_users > UNLIMITED else UNLIMITED
    return max(given, used), UNLIMITED


def for_user(limit: int, of_users: int, own: int, used: int) -> tuple[int, int]:
    """Likewise for a user (``own``: the limit until now, 0 for none): no more than the project has left."""
    remaining = limit - of_users
    return used, UNLIMITED if remaining <= UNLIMITED or own <= UNLIMITED else remaining + own
