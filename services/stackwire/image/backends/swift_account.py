"""The calls on the accounts of one Swift, through python-swiftclient. Nothing here knows of images, or of the loop."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import Any, Protocol, cast

import requests
import urllib3
from keystoneauth1 import exceptions as keystone
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from swiftclient import client as swift
from swiftclient.exceptions import ClientException

from stackwire.image.domain.swift import SwiftPlace

SWIFT_TIMEOUTS_SECONDS = (5.0, 60.0)
"""To connect, and for each response."""
LISTING_LIMIT = 10_000
_SIZE = "x-object-meta-image-size"
_PROJECT = "x-object-meta-project"


class SwiftError(OSError):
    """An error of Swift, of the identity service or of the connection, without secrets. ``status`` 0: no response."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status

    @property
    def is_missing(self) -> bool:
        return self.status == 404

    @property
    def is_full(self) -> bool:
        """Whether the account's quota, or the disks, have no room."""
        return self.status in (413, 507)


class Source(Protocol):
    def read(self, most: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Got:
    """An object, or a range of it, being received: ``size`` bytes. ``etag`` identifies its version."""

    stream: Any
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Found:
    """An object as a HEAD shows it. ``manifest``: container and prefix of the segments of a large one.

    ``size``: what there is; ``stored``: what there was when it was written, where that is known.
    """

    size: int
    stored: int | None
    manifest: tuple[str, str] | None
    project: str | None


class SwiftClient:
    """Every method blocks, may be called in any thread, and raises SwiftError.

    ``project``: whose account is meant; None for the one of the store's own user.
    """

    def __init__(self, place: SwiftPlace) -> None:
        self._place = place
        self._session: Session | None = None
        self._local = local()

    def connect(self) -> None:
        """Nothing is sent yet."""
        for library in ("swiftclient", "keystoneauth", "urllib3"):  # at DEBUG they write headers
            logging.getLogger(library).setLevel(logging.WARNING)
        account = self._place.account
        auth = Password(
            account.auth_address,
            username=account.user,
            password=account.key,
            project_name=account.project,
            **cast(Any, dict(account.domains)),
        )
        self._session = Session(auth=auth, verify=self._place.verify, timeout=SWIFT_TIMEOUTS_SECONDS[1])

    def close(self) -> None:
        if self._session is not None:
            self._session.session.close()

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """The libraries' errors as SwiftError."""
        try:
            yield
        except ClientException as error:
            text = f"{error.http_status} {error.http_reason}"
            raise SwiftError(self._place.without_secrets(text), int(error.http_status or 0)) from None
        except (keystone.ClientException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, SwiftError):
                raise
            raise SwiftError(self._place.without_secrets(f"{type(error).__name__}: {error}")) from None

    def storage_url(self, project: str | None = None) -> str:
        """Of an account. The service's own user reaches those of projects as Swift's reseller administrator."""
        place, session = self._place, self._opened()
        with self.translated_errors():
            url = place.endpoint or session.get_endpoint(
                service_type=place.service_type, interface=place.interface, region_name=place.region or None
            )
            own = session.get_project_id()
        if not url:
            raise SwiftError(f"the catalogue has no service of type {place.service_type}")
        if project is None or project == own:
            return str(url)
        base, found, _ = str(url).rpartition(own or "\0")
        if not found:
            raise SwiftError("the URL of the account does not contain the project's id")
        return f"{base}{project}"

    def _opened(self) -> Session:
        assert self._session is not None, "connect comes first"
        return self._session

    def _call(self, call: Callable[..., Any], project: str | None, *args: Any, **more: Any) -> Any:
        """With a token that is asked for anew when Swift no longer takes it."""
        for last in (False, True):
            with self.translated_errors():
                token = self._opened().get_token()
            try:
                with self.translated_errors():
                    url = self.storage_url(project)
                    return call(url, token, *args, http_conn=self._connection(url), **more)
            except SwiftError as error:
                if last or error.status != 401:
                    raise
            self._opened().invalidate()
        raise AssertionError

    def _connection(self, url: str) -> Any:
        """One for each thread and account, or a new one."""
        open_ones = self._local.__dict__.setdefault("open", {})
        if url not in open_ones:
            open_ones[url] = self._new_connection(url)
        return open_ones[url]

    def _new_connection(self, url: str) -> Any:
        verify = self._place.verify
        cacert = verify if isinstance(verify, str) else None
        return swift.http_connection(url, cacert=cacert, insecure=verify is False, timeout=SWIFT_TIMEOUTS_SECONDS)

    # -- containers

    def has_container(self, container: str, project: str | None = None) -> bool:
        try:
            self._call(swift.head_container, project, container)
        except SwiftError as error:
            if error.is_missing:
                return False
            raise
        return True

    def make_container(self, container: str, project: str | None = None) -> None:
        self._call(swift.put_container, project, container)

    def delete_container(self, container: str, project: str | None = None) -> None:
        """One that does not exist, or still has something in it, is no error."""
        try:
            self._call(swift.delete_container, project, container)
        except SwiftError as error:
            if error.status not in (404, 409):
                raise

    def containers(self) -> Iterator[str]:
        """The store's own account's."""
        marker = ""
        while True:
            page = self._call(swift.get_account, None, marker=marker, limit=LISTING_LIMIT)[1]
            yield from (entry["name"] for entry in page)
            if not page:
                return
            marker = page[-1]["name"]

    def keys(self, container: str, prefix: str = "", project: str | None = None) -> Iterator[str]:
        """Of the objects in it, in order; nothing where there is no such container."""
        marker = ""
        while True:
            try:
                page = self._call(
                    swift.get_container, project, container, marker=marker, prefix=prefix, limit=LISTING_LIMIT
                )[1]
            except SwiftError as error:
                if error.is_missing:
                    return
                raise
            yield from (entry["name"] for entry in page)
            if not page:
                return
            marker = page[-1]["name"]

    # -- objects

    def put(self, container: str, key: str, source: Source | None, project: str | None = None, **meta: str) -> None:
        """What the source has, in one stream; it is not repeated. ``meta``: headers, with _ for -."""
        headers = {name.replace("_", "-"): value for name, value in meta.items()}
        with self.translated_errors():
            url, token = self.storage_url(project), self._opened().get_token()
            parsed, connection = self._new_connection(url)
            try:
                swift.put_object(
                    url, token, container, key, contents=source, headers=headers, http_conn=(parsed, connection)
                )
            finally:
                connection.close()

    def put_manifest(self, container: str, key: str, size: int, project: str | None = None) -> None:
        """Makes the segments ``key-...`` one object. Source: ``BaseStore.add``; the size tells a lost one later."""
        meta = {"x-object-manifest": f"{container}/{key}-", _SIZE: str(size)}
        self._call(swift.put_object, project, container, key, contents=None, headers=meta)

    def put_marker(self, container: str, key: str, project: str) -> None:
        """An empty object that says in whose account the one of that name is."""
        self._call(swift.put_object, None, container, key, contents=None, headers={_PROJECT: project})

    def find(self, container: str, key: str, project: str | None = None) -> Found | None:
        """None where there is no such object, or container."""
        try:
            headers = self._call(swift.head_object, project, container, key)
        except SwiftError as error:
            if error.is_missing:
                return None
            raise
        manifest = headers.get("x-object-manifest", "").partition("/")
        return Found(
            int(headers.get("content-length", 0)),
            int(headers[_SIZE]) if headers.get(_SIZE, "").isdecimal() else None,
            (manifest[0], manifest[2]) if manifest[0] and manifest[2] else None,
            headers.get(_PROJECT),
        )

    def get(self, container: str, key: str, first: int, count: int | None, project: str | None = None) -> Got:
        """From byte ``first`` on. An object that is empty from there on is SwiftError 416."""
        end = first + count - 1 if count else ""
        wanted = {"Range": f"bytes={first}-{end}"} if first or count else {}

        def call(url: str, token: str, **more: Any) -> Any:
            fresh = self._new_connection(url)
            return swift.get_object(url, token, container, key, resp_chunk_size=65536, headers=wanted, http_conn=fresh)

        headers, stream = self._call(call, project)
        if wanted and not headers.get("content-range", "").startswith(f"bytes {first}-"):
            stream.close()
            raise SwiftError("another range was sent than the requested one")
        return Got(stream, int(headers["content-length"]), headers.get("etag", ""))

    def delete(self, container: str, key: str, project: str | None = None) -> None:
        """An object that does not exist is no error."""
        try:
            self._call(swift.delete_object, project, container, key)
        except SwiftError as error:
            if not error.is_missing:
                raise
