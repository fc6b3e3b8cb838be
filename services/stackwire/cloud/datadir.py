"""The folder of one cloud: its data, token key, client configuration, lock and state."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CLOUDS = {"stackwire": ("demo", "demo"), "stackwire-admin": ("admin", "admin"), "stackwire-alt": ("alt", "alt")}
"""Name in clouds.yaml: (user, project). Every password of the seed is ``secret``."""
PASSWORD = "secret"  # noqa: S105  # of the seeded users, documented in the README


class DataDirError(Exception):
    """The folder cannot be used; the message is one line."""


class DataDir:
    """The process of the cloud holds ``lock``; ``state`` has its pid and URLs."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock: int | None = None

    @property
    def log(self) -> Path:
        """The output of a detached cloud."""
        return self.path / "up.log"

    @property
    def admin_token(self) -> Path:
        """The token of the admin port, while one is open."""
        return self.path / "admin.token"

    @property
    def clouds_yaml(self) -> Path:
        """For every OpenStack client."""
        return self.path / "clouds.yaml"

    @property
    def openrc(self) -> Path:
        """For shells."""
        return self.path / "openrc"

    @property
    def states(self) -> Path:
        """The folder of what the cloud can go back to."""
        return self.path / "states"

    def create(self) -> None:
        """Creates the folder. Raises DataDirError when it cannot be written to."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise DataDirError(f"cannot write to the data directory {self.path}: {error.strerror}") from error

    def take(self) -> None:
        """Takes the lock until this process ends. Raises DataDirError when a cloud runs here already."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirError(f"cannot write to {self.path / 'lock'}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise DataDirError(f"a cloud runs in {self.path} already (stackwire down stops it)") from None
        self._lock = handle

    def release(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_taken(self) -> bool:
        """True while a cloud runs here. Raises OSError when this user may not read the lock."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(handle)

    def token_key(self) -> str:
        """The key that signs tokens: created once, readable by its owner only."""
        path = self.path / "token.key"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_text().strip()
            if len(key) >= 32:
                return key
            handle = os.open(path, os.O_WRONLY | os.O_TRUNC)  # a start was killed while writing it
        with os.fdopen(handle, "w") as file:
            key = secrets.token_hex(32)
            file.write(f"{key}\n")
        return key

    def next_series(self) -> str:
        """A name for the ids of this start, where a seed decides them: those of earlier ones are in use."""
        path = self.path / "id_series"
        number = int(path.read_text()) if path.exists() else 0
        path.write_text(f"{number + 1}\n")
        return f"start {number}" if number else ""

    def state(self) -> dict[str, Any] | None:
        """The state the running cloud wrote; None when it is missing or damaged."""
        try:
            found = json.loads((self.path / "cloud.json").read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Writes ``cloud.json``."""
        self._write("cloud.json", json.dumps(state, indent=2) + "\n")

    def remove_state(self) -> None:
        """Removes the state of a cloud that stopped."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (self.path / "cloud.json").unlink()

    def write_client_files(self, auth_url: str, region: str, password: str = PASSWORD) -> None:
        """``clouds.yaml`` for every OpenStack client, ``openrc`` for shells."""
        lines = ["clouds:"]
        for cloud, (user, project) in CLOUDS.items():
            lines += [
                f"  {cloud}:",
                "    auth:",
                f"      auth_url: {auth_url}/v3",
                f"      username: {user}",
                f"      password: {password}",
                f"      project_name: {project}",
                "      user_domain_name: Default",
                "      project_domain_name: Default",
                f"    region_name: {region}",
                "    interface: public",
                "    floating_ip_source: None",  # or the SDK's create_server searches for one, and fails
                "    identity_api_version: 3",
            ]
        self._write("clouds.yaml", "\n".join(lines) + "\n")
        user, project = CLOUDS["stackwire"]
        variables = {
            "OS_AUTH_URL": f"{auth_url}/v3",
            "OS_USERNAME": user,
            "OS_PASSWORD": password,
            "OS_PROJECT_NAME": project,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": region,
            "OS_INTERFACE": "public",
            "OS_IDENTITY_API_VERSION": "3",
        }
        self._write(
            "openrc", "".join(f"export {name}={value}\n" for name, value in variables.items()) + "unset OS_CLOUD\n"
        )

    def _write(self, name: str, text: str) -> None:
        """Writes a file atomically."""
        partial = self.path / f".{name}.new"
        partial.write_text(text)
        partial.replace(self.path / name)
