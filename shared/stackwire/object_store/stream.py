"""Reads an object of S3 in one request, repeated from where the connection broke."""

import logging

from stackwire.object_store.bucket import Bucket, Got, S3Error

log = logging.getLogger(__name__)

MAX_BROKEN_CONNECTIONS = 3
"""In a row, without a byte between."""


class S3Stream:
    """``first``: at which byte of the object ``got`` begins. Blocks; raises S3Error."""

    def __init__(self, bucket: Bucket, key: str, first: int, got: Got) -> None:
        self._bucket = bucket
        self._key = key
        self._at = first
        self._end = first + got.size
        self._got = got
        self._breaks = 0

    def read(self, most: int, /) -> bytes:
        while self._at < self._end:
            try:
                with self._bucket.translated_errors():
                    piece: bytes = self._got.stream.read(most)
                if not piece:
                    raise S3Error("the connection ended before the object")
            except S3Error as error:
                self._reconnect(error)
            else:
                self._at += len(piece)
                self._breaks = 0
                return piece
        return b""

    def _reconnect(self, error: S3Error) -> None:
        self._breaks += 1
        if self._breaks > MAX_BROKEN_CONNECTIONS:
            raise error
        log.info("reading %s continues at byte %s: %s", self._key, self._at, error)
        self.close()
        self._got = self._bucket.get(self._key, self._at, self._end - self._at, self._got.etag)

    def close(self) -> None:
        self._got.stream.close()
