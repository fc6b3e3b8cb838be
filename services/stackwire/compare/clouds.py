"""Clouds by their names in ``clouds.yaml``, found where openstacksdk looks (``openstack/config/loader.py``)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stackwire.compare.session import Credentials, Unusable

ADMIN = "{}-admin"
"""The administrator of a cloud, in an entry of its own: tables that need one are left out without it."""


def credentials_of(name: str) -> Credentials:
    """How the cloud's user logs in. Raises Unusable for an unknown name, and for other ways than a password."""
    clouds = _clouds()
    if name not in clouds:
        known = ", ".join(sorted(map(str, clouds))) or "no cloud"
        raise Unusable(f"there is no cloud {name!r} in clouds.yaml, but {known}")
    entry = clouds[name]
    auth = entry.get("auth") or {}
    if missing := [key for key in ("auth_url", "username", "password") if not auth.get(key)]:
        raise Unusable(f"cloud {name!r} has no {', '.join(missing)} in its auth")
    return Credentials(
        auth["auth_url"],
        auth["username"],
        str(auth["password"]),
        auth.get("project_name", ""),
        region=entry.get("region_name") or "",
        user_domain=_domain(auth, "user"),
        scope=_scope(name, auth),
        certificates=entry.get("cacert") or "" if entry.get("verify", True) else None,
    )


def admin_of(name: str) -> Credentials | None:
    """The administrator of a cloud, where ``clouds.yaml`` has one."""
    return credentials_of(ADMIN.format(name)) if ADMIN.format(name) in _clouds() else None


def _scope(name: str, auth: dict[str, Any]) -> dict[str, Any]:
    project = _reference(auth, "project")
    if not project:
        raise Unusable(f"cloud {name!r} has no project_name in its auth")
    return project if "id" in project else {**project, "domain": _domain(auth, "project")}


def _domain(auth: dict[str, Any], whose: str) -> dict[str, Any]:
    return _reference(auth, f"{whose}_domain") or _reference(auth, "domain") or {"name": "Default"}


def _reference(auth: dict[str, Any], what: str) -> dict[str, Any]:
    return next(({key: str(auth[f"{what}_{key}"])} for key in ("id", "name") if auth.get(f"{what}_{key}")), {})


def _clouds() -> dict[str, Any]:
    file = next((path for path in _places() if path.is_file()), None)
    if file is None:
        raise Unusable("there is no clouds.yaml: name one in OS_CLIENT_CONFIG_FILE")
    try:
        return dict((yaml.safe_load(file.read_text()) or {}).get("clouds") or {})
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise Unusable(f"{file} cannot be read: {' '.join(str(error).split())}") from None


def _places() -> Iterator[Path]:
    if named := os.environ.get("OS_CLIENT_CONFIG_FILE"):
        yield Path(named)
    for folder in (Path.cwd(), Path.home() / ".config" / "openstack", Path("/etc/openstack")):
        yield from (folder / f"clouds.{suffix}" for suffix in ("yaml", "yml", "json"))
