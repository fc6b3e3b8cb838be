"""An object of S3 as it is read: one request, made again where the connection broke off."""

import logging

from stackwire.image.backends.s3_bucket import Bucket, Got, S3Error

log = logging.getLogger(__name__)

BREAKS = 3
"""Connections that may break off in a row, without a byte between."""


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
                with self._bucket.telling():
                    piece: bytes = self._got.stream.read(most)
                if not piece:
                    raise S3Error("the connection ended before the object")
            except S3Error as error:
                self._go_on(error)
            else:
                self._at += len(piece)
                self._breaks = 0
                return piece
        return b""

    def _go_on(self, error: S3Error) -> None:
        self._breaks += 1
        if self._breaks > BREAKS:
            raise error
        log.info("reading %s goes on at byte %s: %s", self._key, self._at, error)
        self.close()
        self._got = self._bucket.get(self._key, self._at, self._end - self._at, self._got.etag)

    def close(self) -> None:
        self._got.stream.close()
