"""Which stores of image data there are, and where: the part of the image service's settings that names them."""

import os
import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode

from stackwire.core.settings import ServiceSettings
from stackwire.image.domain import rbd, s3, swift
from stackwire.image.domain.notifications import DEFAULT_STORE
from stackwire.object_store.place import S3Place

Texts = Annotated[tuple[str, ...], NoDecode]
StoreType = Literal["file", "http", "s3", "cinder", "swift", "rbd"]
STORE_TYPES = get_args(StoreType)
READ_ONLY_STORE_TYPES = ("http",)
_ABSENT = {"vmware": "there is no vCenter to hold a store of type vmware against"}
_STORE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
O = TypeVar("O", bound=BaseModel)  # noqa: E741  # options


def data_directory(text: str) -> tuple[Path, int]:
    """``/path`` or ``/path:priority``. Raises ValueError.

    Source: ``glance_store/_drivers/filesystem.py: Store._get_datadir_path_and_priority``.
    """
    path, _, priority = text.partition(":")
    if not Path(path).is_absolute():
        raise ValueError(f"'{text}' does not begin with an absolute path")
    if (priority and not (priority.isascii() and priority.isdigit() and len(priority) <= 9)) or text.endswith(":"):
        raise ValueError(f"'{text}' does not end in a priority: a whole number, not negative")
    return Path(os.path.normpath(path)), int(priority or 0)


def backend(text: str) -> tuple[str, str, Path | None]:
    """``name:file``, ``name:file:/path``, ``name:s3``, ``name:http``: name, type, path. Raises ValueError."""
    name, _, rest = text.partition(":")
    kind, _, path = rest.partition(":")
    if not _STORE_NAME.fullmatch(name) or name.startswith("os_glance_"):
        raise ValueError(f"'{text}' does not begin with the name of a store")
    if kind not in STORE_TYPES:
        reason = _ABSENT.get(kind, f"there are {', '.join(STORE_TYPES)}")
        raise ValueError(f"'{text}' is of a type that is not simulated: {reason}")
    if kind != "file":
        if rest != kind or name == DEFAULT_STORE:
            raise ValueError(f"'{text}' is not a store of type {kind}: only files are in a directory, or called 'file'")
        return name, kind, None
    if name == DEFAULT_STORE and path:
        raise ValueError(f"the store '{DEFAULT_STORE}' is in data_dir, or in filesystem_store_datadirs")
    if rest != kind and not Path(path).is_absolute():
        raise ValueError(f"'{text}' does not end in an absolute path")
    return name, kind, Path(os.path.normpath(path)) if path else None


class StoreSettings(s3.S3Options, swift.SwiftOptions, rbd.RbdOptions, ServiceSettings):  # type: ignore[misc]  # options forbid, settings have others beside
    """The stores, by name.

    ``filesystem_store_datadirs``: directories for image data, each with an optional priority
    (``/fast:200,/slow:100``); by default ``data_dir``.
    ``enabled_backends``: several stores by name and type (``fast:file,slow:file:/mnt/slow,web:http``); one of files is
    in a directory of its own, by default below ``data_dir``; one of type ``http`` reads images whose location is a
    URL, under the same filter as web downloads. ``default_backend`` is one of them that is writable. Without them
    ``file`` is the one store. ``location_strategy``: an image's locations are read in their own order, or first those
    in stores of the types in ``store_type_preference``.
    ``s3_store_*``, ``swift_store_*``, ``rbd_*``: of every store of that type (``domain.s3.S3Options`` and its like),
    unless ``backend_settings`` overrides them by the store's name. A store of type ``cinder`` creates volumes of
    ``cinder_volume_type`` in the project of ``cinder_store_user_name``, and reads locations with its caller's rights;
    ``cinder_mount_point_base`` is where this host sees the volume service's data directory,
    ``cinder_state_transition_timeout`` the seconds a volume may take.
    """

    filesystem_store_datadirs: Texts = ()
    enabled_backends: Texts = ()
    default_backend: str = ""
    backend_settings: dict[str, dict[str, Any]] = Field(default={}, repr=False)
    location_strategy: Literal["location_order", "store_type"] = "location_order"
    store_type_preference: Annotated[tuple[StoreType, ...], NoDecode] = ()
    cinder_store_user_name: str = "glance"
    cinder_store_password: str = Field(default="", repr=False)
    cinder_store_project_name: str = "service"
    cinder_volume_type: str = ""
    cinder_mount_point_base: Path | None = None
    cinder_state_transition_timeout: float = 300.0

    @field_validator("filesystem_store_datadirs")
    @classmethod
    def _directories(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        paths = [path for path, _ in map(data_directory, value)]
        if len(set(paths)) < len(paths):
            raise ValueError("a directory of the store is named twice")
        return value

    @model_validator(mode="after")
    def _stores(self) -> "StoreSettings":
        names = [name for name, _, _ in self.backends]
        if len(set(names)) < len(names):
            raise ValueError("a store is named twice")
        self._check_default_backend(names)
        self._check_directories()
        self._check_cinder()
        self._check_places()
        return self

    def _check_default_backend(self, names: list[str]) -> None:
        if self.default_backend not in (names or [""]):
            raise ValueError("default_backend is none of enabled_backends")
        if self.default_backend in [name for name, kind, _ in self.backends if kind in READ_ONLY_STORE_TYPES]:
            raise ValueError("default_backend is a store that is only read")

    def _check_directories(self) -> None:
        roots = [root for _, _, root in self.backends if root is not None]
        others = {self.data_dir, *(path for path, _ in self.data_dirs)}
        if len(set(roots)) < len(roots) or set(roots) & others:
            raise ValueError("two stores are in the same directory")

    def _check_cinder(self) -> None:
        for name in ("cinder_store_password", "cinder_mount_point_base"):
            if self._stores_of_type("cinder") and not getattr(self, name):
                raise ValueError(f"a store of type cinder needs {name}")

    def _check_places(self) -> None:
        kinds = {name: kind for name, kind, _ in self.backends}
        if unknown := [name for name in self.backend_settings if kinds.get(name) not in ("s3", "swift", "rbd")]:
            raise ValueError(f"backend_settings: '{unknown[0]}' is no store that has any")
        _check_different([self.s3_place(name).same for name in self._stores_of_type("s3")], "bucket")
        _check_different([self.swift_place(name).same for name in self._stores_of_type("swift")], "container")
        _check_different([self.rbd_place(name).same for name in self._stores_of_type("rbd")], "pool")

    def _stores_of_type(self, store_type: str) -> list[str]:
        return [name for name, kind, _ in self.backends if kind == store_type]

    def s3_place(self, store: str) -> S3Place:
        """Raises ValueError."""
        return s3.place(store, self._options(s3.S3Options, store))

    def swift_place(self, store: str) -> swift.SwiftPlace:
        """Raises ValueError."""
        return swift.place(store, self._options(swift.SwiftOptions, store))

    def rbd_place(self, store: str) -> rbd.RbdPlace:
        """Raises ValueError."""
        return rbd.place(store, self._options(rbd.RbdOptions, store))

    def _options(self, kind: type[O], store: str) -> O:
        """Of one store: those of all, unless ``backend_settings`` says otherwise for it."""
        common = {name: getattr(self, name) for name in kind.model_fields}
        try:
            return kind.model_validate({**common, **self.backend_settings.get(store, {})})
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            named = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"backend_settings of '{store}': {named}: {first['msg']}") from None

    @property
    def data_dirs(self) -> list[tuple[Path, int]]:
        """The directories of the store, with their priorities."""
        return [data_directory(text) for text in self.filesystem_store_datadirs]

    @property
    def backends(self) -> list[tuple[str, str, Path | None]]:
        """The stores by name, with their types, and their directories where configured."""
        return [backend(text) for text in self.enabled_backends]


def _check_different(places: Sequence[Hashable], noun: str) -> None:
    if len(set(places)) < len(places):
        raise ValueError(f"two stores are in the same {noun}")
