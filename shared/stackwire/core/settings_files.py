"""Settings whose text lies in a file: ``STACKWIRE_TOKEN_KEY_FILE=/run/secrets/token_key``, as containers are given
secrets."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


def file_names(kind: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Field and the name of the setting that says which file has its text. Only texts have one: no number and no list
    is a secret."""
    for name, field in kind.model_fields.items():
        if field.annotation is str and f"{name}_file" not in kind.model_fields:
            yield name, f"{name}_file"


class FilesSource(PydanticBaseSettingsSource):
    """The first line of each file that a ``..._FILE`` variable names, the service's own prefix before the common one.

    Raises ValueError for a file that cannot be read or is empty, and where the setting itself is given as well.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: ``__call__`` reads all of them."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own = self.config.get("env_prefix") or ""
        for field, file_field in file_names(self.settings_cls):
            for prefix in dict.fromkeys((own, "STACKWIRE_")):
                name = f"{prefix}{file_field}".upper()
                if field not in found and (path := os.environ.get(name)):
                    if os.environ.get(f"{prefix}{field}".upper()):
                        raise ValueError(f"{name} and {name.removesuffix('_FILE')} are both given")
                    found[field] = _first_line(name, Path(path))
        return found


def _first_line(name: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: {path} cannot be read: {getattr(error, 'strerror', error)}") from error
    line = text.partition("\n")[0].rstrip("\r")
    if not line:
        raise ValueError(f"{name}: {path} is empty")
    return line


def with_password(url: str, password: str) -> str:
    """The URL with this password where it names a user and none: ``postgresql://image@host/db``."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    if not (password and at and user) or ":" in user:
        return url
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))
