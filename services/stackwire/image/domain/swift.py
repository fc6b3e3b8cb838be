"""Where a Swift store is, and how its objects are called: glance_store's settings, and their consequences."""

import configparser
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field

MIB = 1024**2
MAX_SEGMENTS = 99_999
"""Segments are read in the order of their names, which end in five digits."""
SCHEMES = ("swift", "swift+http", "swift+https", "swift+config")

_OWN_OBJECT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{16})(-\d{5})?")
_DOMAINS = ("user_domain_id", "user_domain_name", "project_domain_id", "project_domain_name")


class SwiftOptions(BaseModel):
    """Under glance_store's names and with its defaults; sizes in MiB.

    ``swift_store_user``: ``project:user``. ``swift_store_config_file``: accounts by reference, instead of user, key and
    address; ``default_swift_reference`` is written to. ``swift_store_large_object_size``: from which size on an object
    goes in segments of ``swift_store_large_object_chunk_size``. ``swift_store_multiple_containers_seed``: that many
    digits of the image's id are part of its container's name. ``swift_store_multi_tenant``: each image is in a
    container of its own, in its project's account. Source: ``glance_store/_drivers/swift/store.py``, ``utils.py``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    swift_store_auth_address: str = ""
    swift_store_auth_version: Literal["3"] = "3"
    swift_store_user: str = ""
    swift_store_key: str = Field(default="", repr=False)
    swift_store_config_file: str = ""
    default_swift_reference: str = "ref1"
    swift_store_container: str = "glance"
    swift_store_large_object_size: int = Field(default=5 * 1024, ge=1, le=5 * 1024)
    swift_store_large_object_chunk_size: int = Field(default=200, ge=1, le=5 * 1024)
    swift_store_create_container_on_put: bool = False
    swift_store_multi_tenant: bool = False
    swift_store_multiple_containers_seed: int = Field(default=0, ge=0, le=32)
    swift_store_region: str = ""
    swift_store_endpoint: str = ""
    swift_store_endpoint_type: Literal["publicURL", "internalURL", "adminURL"] = "publicURL"
    swift_store_service_type: str = "object-store"
    swift_store_auth_insecure: bool = False
    swift_store_cacert: str = ""


@dataclass(frozen=True, slots=True)
class SwiftAccount:
    """Who the store is to Swift. ``domains``: keystoneauth's arguments for those of the user and the project."""

    auth_address: str
    project: str
    user: str
    key: str = field(repr=False)
    domains: tuple[tuple[str, str], ...] = (("user_domain_id", "default"), ("project_domain_id", "default"))


@dataclass(frozen=True, slots=True)
class SwiftPlace:
    """Sizes in bytes. ``reference``: under which the account stands in the configuration file, if it does."""

    account: SwiftAccount
    reference: str | None
    container: str
    create_container: bool = False
    multi_tenant: bool = False
    seed: int = 0
    large: int = 5 * 1024 * MIB
    chunk: int = 200 * MIB
    region: str = ""
    endpoint: str = ""
    interface: str = "public"
    service_type: str = "object-store"
    verify: bool | str = True

    @property
    def same(self) -> tuple[str, ...]:
        """Two stores that have this in common would remove each other's objects as orphans."""
        return (self.account.auth_address, self.account.project, self.container)

    def container_of(self, name: str) -> str:
        """The container of an object that the service named. Source: ``SingleTenantStore.get_container_name``."""
        image_id = name[:36]
        if self.multi_tenant:
            return f"{self.container}_{image_id}"
        if not self.seed:
            return self.container
        return f"{self.container}_{image_id[: self.seed + image_id[: self.seed].count('-')]}"

    def is_own_container(self, container: str) -> bool:
        return container == self.container or (self.seed > 0 and container.startswith(f"{self.container}_"))

    def without_secrets(self, text: str) -> str:
        """``text`` with the key masked."""
        return text.replace(self.account.key, "***")


def place(store: str, options: SwiftOptions) -> SwiftPlace:
    """The place that the options name. ValueError names the store and the setting that is missing or invalid."""
    if options.swift_store_multi_tenant and options.swift_store_config_file:
        raise ValueError(f"the store '{store}' cannot have both swift_store_multi_tenant and swift_store_config_file")
    reference = options.default_swift_reference if options.swift_store_config_file else None
    if reference is not None:
        accounts = read_accounts(store, Path(options.swift_store_config_file))
        if reference not in accounts:
            raise ValueError(f"the store '{store}': swift_store_config_file has no account '{reference}'")
        account = accounts[reference]
    else:
        account = _account_of(store, options)
    if not options.swift_store_container or set("/?#") & set(options.swift_store_container):
        raise ValueError(f"swift_store_container of the store '{store}' is not the name of a container")
    return SwiftPlace(
        account,
        reference,
        options.swift_store_container,
        create_container=options.swift_store_create_container_on_put,
        multi_tenant=options.swift_store_multi_tenant,
        seed=options.swift_store_multiple_containers_seed,
        large=options.swift_store_large_object_size * MIB,
        chunk=options.swift_store_large_object_chunk_size * MIB,
        region=options.swift_store_region,
        endpoint=_url(store, "swift_store_endpoint", options.swift_store_endpoint),
        interface=options.swift_store_endpoint_type.removesuffix("URL"),
        service_type=options.swift_store_service_type,
        verify=False if options.swift_store_auth_insecure else options.swift_store_cacert or True,
    )


def _account_of(store: str, options: SwiftOptions) -> SwiftAccount:
    needed = ("swift_store_auth_address", "swift_store_user", "swift_store_key")
    if missing := [name for name in needed if not getattr(options, name)]:
        raise ValueError(f"the store '{store}' is of type swift and lacks {', '.join(missing)}")
    project, user = _user(store, options.swift_store_user)
    address = _url(store, "swift_store_auth_address", options.swift_store_auth_address)
    return SwiftAccount(address, project, user, options.swift_store_key)


def read_accounts(store: str, path: Path) -> dict[str, SwiftAccount]:
    """The accounts of a configuration file by reference. Raises ValueError."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = f"swift_store_config_file cannot be read: {type(error).__name__}"
        raise ValueError(f"the store '{store}': {reason}") from None
    return {reference: _listed_account(store, reference, parser[reference]) for reference in parser.sections()}


def _listed_account(store: str, reference: str, section: configparser.SectionProxy) -> SwiftAccount:
    values = {name: value.strip("\"'") for name, value in section.items()}
    if missing := [name for name in ("auth_address", "user", "key") if not values.get(name)]:
        raise ValueError(f"the store '{store}': the account '{reference}' lacks {', '.join(missing)}")
    project, user = _user(store, values["user"])
    domains = {name: values[name] for name in _DOMAINS if values.get(name)}
    for of in ("user", "project"):
        if f"{of}_domain_name" not in domains:
            domains.setdefault(f"{of}_domain_id", "default")
    address = _url(store, "auth_address", values["auth_address"])
    return SwiftAccount(address, project, user, values["key"], tuple(sorted(domains.items())))


def _user(store: str, text: str) -> tuple[str, str]:
    project, _, user = text.partition(":")
    if not project or not user or ":" in user:
        raise ValueError(f"the store '{store}': its user is not given as project:user")
    return project, user


def _url(store: str, name: str, text: str) -> str:
    """Without credentials: these have settings of their own, and URLs get into logs. https unless it says http."""
    if not text:
        return ""
    url = (text if "://" in text else f"https://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in url or parts.query or parts.fragment or any(char.isspace() for char in url):
        raise ValueError(f"{name} of the store '{store}' is not an http or https URL")
    return url


def uri(there: SwiftPlace, container: str, name: str, storage_url: str = "") -> str:
    """An object's URI in a location. Glance's contain the user and the key; these do not.

    ``storage_url``: of the account, which stands in the URI where each project has one.
    """
    path = f"{quote(container)}/{quote(name)}"
    if there.reference is not None:
        return f"swift+config://{there.reference}/{path}"
    scheme, _, rest = (storage_url or there.account.auth_address).partition("://")
    return f"swift+{scheme}://{rest}/{path}"


def object_at(there: SwiftPlace, url: str) -> tuple[str, str] | None:
    """Container and name of an object of this account that a URI names.

    None for another account, for one with credentials in it, and where each project has an account of its own.
    """
    scheme, _, rest = url.partition("://")
    if there.reference is None:
        protocol, _, base = there.account.auth_address.partition("://")
        schemes = ("swift", "swift+https") if protocol == "https" else ("swift+http",)
    else:
        base, schemes = there.reference, ("swift+config",)
    path = rest.removeprefix(f"{base}/")
    container, _, name = path.partition("/")
    if there.multi_tenant or scheme not in schemes or path == rest or not container or not name:
        return None
    if any(char in path for char in "?#@"):
        return None
    return unquote(container), unquote(name)


def segment_name(name: str, number: int) -> str:
    """Of the segment of that number, from 1 on."""
    return f"{name}-{number:05}"


def own_object(key: str) -> str | None:
    """The service's object that this is, or is a segment of: others in the container are not removed."""
    found = _OWN_OBJECT.fullmatch(key)
    return found[1] if found else None
