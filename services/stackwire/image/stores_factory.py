"""The stores of image data that the settings name."""

import socket

from stackwire.core.faults import NO_FAULTS, Faults
from stackwire.http.client import HttpClient
from stackwire.http.service_user import Credentials, ServiceUser
from stackwire.image.backends.cinder import CinderStore, CinderStoreOptions
from stackwire.image.backends.cinder_api import VolumeApi
from stackwire.image.backends.files import Directory, FileStore
from stackwire.image.backends.http import WebStore
from stackwire.image.backends.port import Store
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.domain.locations import BY_TYPE
from stackwire.image.domain.notifications import DEFAULT_STORE
from stackwire.image.settings import ImageSettings


def stores_of(settings: ImageSettings, web: Web, faults: Faults = NO_FAULTS) -> Stores:
    """The named stores. Data of the unnamed store that was there before them is still read and deleted there."""
    unnamed = _files(settings)
    if not settings.backends:
        return Stores({DEFAULT_STORE: unnamed}, DEFAULT_STORE, faults=faults)
    named: dict[str, Store] = {}
    for name, store_type, root in settings.backends:
        if store_type == "http":
            named[name] = WebStore(web)
        elif store_type == "s3":
            named[name] = _s3(name, settings)
        elif store_type == "cinder":
            named[name] = _cinder(name, settings)
        elif store_type == "swift":
            named[name] = _swift(name, settings)
        elif store_type == "rbd":
            named[name] = _rbd(name, settings)
        else:
            directory = Directory(root or settings.data_dir / "stores" / name)
            named[name] = unnamed if name == DEFAULT_STORE else FileStore([directory])
    preference = settings.store_type_preference if settings.location_strategy == BY_TYPE else ()
    earlier = {} if DEFAULT_STORE in named else {DEFAULT_STORE: unnamed}
    return Stores(named, settings.default_backend, earlier, preference=preference, faults=faults)


def _s3(name: str, settings: ImageSettings) -> Store:
    try:
        from stackwire.image.backends.s3 import S3Store  # its library is an extra
    except ImportError as error:
        raise ValueError(f"the store '{name}' is of type s3, which comes with stackwire[s3]: {error}") from error
    return S3Store(name, settings.s3_place(name), settings.data_dir / "coming")


def _swift(name: str, settings: ImageSettings) -> Store:
    try:
        from stackwire.image.backends.swift import SwiftStore  # its library is an extra
    except ImportError as error:
        raise ValueError(f"the store '{name}' is of type swift, which comes with stackwire[swift]: {error}") from error
    return SwiftStore(name, settings.swift_place(name))


def _rbd(name: str, settings: ImageSettings) -> Store:
    try:
        from stackwire.image.backends.rbd import RbdStore  # its library is Ceph's own
    except ImportError as error:
        raise ValueError(f"the store '{name}' is of type rbd, which needs Ceph's python3-rbd: {error}") from error
    return RbdStore(name, settings.rbd_place(name))


def _cinder(name: str, settings: ImageSettings) -> Store:
    credentials = Credentials(
        settings.www_authenticate_uri,
        settings.cinder_store_user_name,
        settings.cinder_store_password,
        settings.cinder_store_project_name,
    )
    timeout = settings.cinder_state_transition_timeout
    api = VolumeApi(settings.volume_url, HttpClient("image"), ServiceUser(credentials), timeout)
    base = settings.cinder_mount_point_base
    assert base is not None  # the settings were checked
    return CinderStore(name, api, CinderStoreOptions(base, socket.gethostname(), settings.cinder_volume_type))


def _files(settings: ImageSettings) -> FileStore:
    """Data that was written into ``data_dir`` before other directories were named is still read there."""
    own = Directory(settings.data_dir)
    named = [Directory(path, priority) for path, priority in settings.data_dirs]
    if not named:
        return FileStore([own])
    return FileStore(named, read_only=[] if own.root in {directory.root for directory in named} else [own])
