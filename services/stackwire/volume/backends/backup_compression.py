"""How the objects of a backup are packed (``cinder/backup/chunkeddriver.py: _get_compressor``)."""

import bz2
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from stackwire.disk_image import sparse_files
from stackwire.volume.backends.backup_chunks import BackupDamaged, Location, Piece, StoredObject

_NONE = ("none", "off", "no")
_ZLIB = ("zlib", "gzip")
_BZ2 = ("bz2", "bzip2")


class _Unpacker(Protocol):
    """What zlib and bz2 have in common, once ``_Zlib`` is put around the former."""

    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    """Remembers what it has not come to, as bz2's object does."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def packed(algorithm: str, data: bytes) -> tuple[str, bytes]:
    """The name of the compression and what it makes of the data; as it is where it grows no smaller."""
    if algorithm in _NONE:
        return "none", data
    smaller = zlib.compress(data) if algorithm in _ZLIB else bz2.compress(data)
    return (algorithm, smaller) if len(smaller) < len(data) else ("none", data)


def restore_packed(
    location: Location, stored: StoredObject, read: Callable[[int], bytes], target: int, pieces: Sequence[Piece]
) -> None:
    """Writes pieces of an object, which ``read`` gives part by part. BackupDamaged for one that is shorter or longer
    than it was, or not packed as it says."""
    at, end, remaining = stored.offset, stored.offset + stored.length, iter(pieces)
    piece = next(remaining, None)
    try:
        for block in _unpacked(stored.compression, read):
            until = at + len(block)
            if until > end:
                raise BackupDamaged(prefix=location.prefix)
            while piece is not None and piece.at < until:
                first, last = max(piece.at, at), min(piece.at + piece.length, until)
                sparse_files.write_nonzero(target, first, block[first - at : last - at])
                if last < piece.at + piece.length:
                    break
                piece = next(remaining, None)
            at = until
    except (zlib.error, ValueError, EOFError) as error:
        raise BackupDamaged(prefix=location.prefix) from error
    if at != end:
        raise BackupDamaged(prefix=location.prefix)


def _unpacked(compression: str, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """ValueError, EOFError, zlib.error, or OSError of bz2 as ValueError, for what cannot be unpacked."""
    most = sparse_files.VOLUME_CHUNK_BYTES
    if compression in _NONE:
        while block := read(most):
            yield block
        return
    if compression not in _ZLIB + _BZ2:
        raise ValueError(compression)
    unpacker: _Unpacker = _Zlib() if compression in _ZLIB else bz2.BZ2Decompressor()
    data = read(most)
    while not unpacker.eof:
        block = _next_block(unpacker, data, most)
        if block:
            yield block
            data = b""
        elif not (data := read(most)) and not unpacker.eof:
            raise EOFError("the object ends too early")


def _next_block(unpacker: _Unpacker, data: bytes, most: int) -> bytes:
    try:
        return unpacker.decompress(data, most)
    except OSError as error:  # bz2's word for bytes that are not its own
        raise ValueError(str(error)) from error
