"""Reads an object of Swift in one request, repeated from where the connection broke."""

import logging

from stackwire.image.backends.swift_account import Got, SwiftClient, SwiftError

log = logging.getLogger(__name__)

MAX_BROKEN_CONNECTIONS = 3
"""In a row, without a byte between."""


class SwiftStream:
    """``size`` bytes from ``first`` on. ``where``: container, name, project. Blocks; raises SwiftError."""

    def __init__(self, client: SwiftClient, where: tuple[str, str, str | None], first: int, size: int) -> None:
        self._client = client
        self._where = where
        self._at = first
        self._end = first + size
        self._got: Got | None = None
        self._breaks = 0

    def begin(self) -> None:
        """Nothing is asked for where nothing is to be read."""
        if self._at < self._end:
            self._got = self._get()

    def read(self, most: int, /) -> bytes:
        while self._got is not None and self._at < self._end:
            try:
                with self._client.translated_errors():
                    piece: bytes = self._got.stream.read(most)
                if not piece:
                    raise SwiftError("the connection ended before the object")
            except SwiftError as error:
                self._reconnect(self._got, error)
            else:
                self._at += len(piece)
                self._breaks = 0
                return piece
        return b""

    def _get(self) -> Got:
        container, key, project = self._where
        got = self._client.get(container, key, self._at, self._end - self._at, project)
        if got.size != self._end - self._at:
            got.stream.close()
            raise SwiftError(f"{got.size} bytes remain, of {self._end - self._at}")
        return got

    def _reconnect(self, broken: Got, error: SwiftError) -> None:
        self._breaks += 1
        if self._breaks > MAX_BROKEN_CONNECTIONS:
            raise error
        log.info("reading %s continues at byte %s: %s", self._where[1], self._at, error)
        broken.stream.close()
        self._got = self._get()
        if self._got.etag != broken.etag:
            raise SwiftError("the object was replaced while it was read")

    def close(self) -> None:
        if self._got is not None:
            self._got.stream.close()
