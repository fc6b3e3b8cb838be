"""What the bytes of a disk image really are, told by oslo.utils' format inspector from a file or from a stream.

The inspector reads headers only and is the field's reference for image safety (OSSA-2024-001); the rules, which content
is accepted where, are each service's own.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, cast

from oslo_utils.imageutils import format_inspector

log = logging.getLogger(__name__)

RAW_CONTENT: Final = frozenset({"raw", "gpt", "mbr", "iso", "luks"})
"""What the content of a raw image may look like: partition tables and file systems on a whole disk."""
AMI_FORMATS: Final[Mapping[str, str]] = {"ami": "raw", "ari": "raw", "aki": "raw"}
"""Amazon's disk formats, as the content they have."""
PIECE_BYTES: Final = 64 * 1024
"""What the inspector is given at once, as Glance gives it: it misses what a table points at in the same piece."""
_ERRORS: Final = (format_inspector.ImageFormatError, format_inspector.SafetyCheckFailed)

# oslo.utils sets it where it can read a descriptor, and asks every text for it: one that is not ASCII has none.
format_inspector.VMDKInspector.vmdktype = "formatnotfound"


class UnreadableFormat(Exception):
    """The content breaks the rules of the format it seems to have; the text says how."""


class DetectedFormat:
    """One format that fits the content."""

    def __init__(self, inspector: Any) -> None:
        self._inspector = inspector

    @property
    def name(self) -> str:
        """As oslo.utils calls it: ``qcow2``, ``vmdk``, ``raw``, ``gpt``, ..."""
        return "raw" if self._inspector is None else str(self._inspector)

    @property
    def virtual_size(self) -> int:
        """Bytes that a guest sees; 0 for raw content, whose size is its length, and where the header is cut off."""
        if self._inspector is None:
            return 0
        try:
            return int(self._inspector.virtual_size)
        except Exception as error:  # the inspectors unpack what there is, however short it may be
            log.info("content like %s tells no virtual size: %s", self.name, error)
            return 0

    def check_safe(self) -> None:
        """Raises UnsafeContent where the content could reach outside itself, UnreadableFormat where it is broken."""
        if self.name == "raw":
            return
        try:
            self._inspector.safety_check()
        except format_inspector.SafetyCheckFailed as error:
            raise UnsafeContent(error) from error
        except format_inspector.ImageFormatError as error:
            raise UnreadableFormat(str(error)) from error


class UnsafeContent(UnreadableFormat):
    """``failures``: the names of the safety checks that failed, sorted."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.failures = sorted(error.failures)


def is_known(disk_format: str) -> bool:
    """Whether content can be recognised as this format at all."""
    return format_inspector.get_inspector(disk_format) is not None


def detect(path: Path) -> DetectedFormat:
    """The format of a file; blocking, for a thread. UnreadableFormat where more than one fits, or none is whole."""
    try:
        return DetectedFormat(format_inspector.detect_file_format(str(path)))
    except _ERRORS as error:
        raise UnreadableFormat(str(error)) from error


class StreamDetector:
    """Recognises a format while its bytes stream past. ``expected``: fail as soon as it cannot be that one."""

    def __init__(self, expected: str | None = None) -> None:
        self._source = _LastChunk()
        self._wrapper = format_inspector.InspectWrapper(cast("IO[bytes]", self._source), expected_format=expected)

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[DetectedFormat] | None:
        """The next bytes; the formats that fit, once that is certain. UnreadableFormat."""
        view = memoryview(chunk)
        try:
            for at in range(0, len(view), PIECE_BYTES):
                self._source.chunk = bytes(view[at : at + PIECE_BYTES])
                self._wrapper.read(PIECE_BYTES)
            return self._detected()
        except _ERRORS as error:
            raise UnreadableFormat(str(error)) from error

    def finish(self) -> list[DetectedFormat]:
        """The formats that fit, when there are no more bytes. UnreadableFormat."""
        try:
            self._wrapper.close()
            return self._detected() or []
        except _ERRORS as error:
            raise UnreadableFormat(str(error)) from error

    def _detected(self) -> list[DetectedFormat] | None:
        formats = self._wrapper.formats
        return None if formats is None else [DetectedFormat(inspector) for inspector in formats]


class _LastChunk:
    """The source that the inspector's wrapper reads from: the chunk that was received last."""

    chunk = b""

    def read(self, _size: int) -> bytes:
        return self.chunk
