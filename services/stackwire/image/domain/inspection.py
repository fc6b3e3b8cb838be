"""What the bytes are, told while they stream past.

What could name a host's files, or lies about its format, is refused. Headers only: an inspector keeps what its
format needs and no more.
"""

from typing import IO, Any, Final, cast

from oslo_utils.imageutils import format_inspector

from stackwire.image.domain.errors import ContentRefused

INSPECTED: Final = frozenset({"raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "iso"})
"""Disk formats an inspector knows; the AMI parts and ploop are opaque."""
LARGEST_SIZE: Final = 2**63 - 1
_ERRORS: Final = (format_inspector.ImageFormatError, format_inspector.SafetyCheckFailed)


class Inspection:
    """Eats an image's chunks in order. ``declared`` is its disk_format.

    ``match``: refuse content of another format than declared. Raises ContentRefused as soon as it knows.
    """

    def __init__(self, declared: str, container: str, *, match: bool = True) -> None:
        self._declared = declared
        self._match = match and declared in INSPECTED and container == "bare"
        self._feed = _Feed()
        self._wrapper: Any = None
        self._decided = False
        if container == "bare":
            expected = declared if self._match and declared not in ("raw", "iso") else None
            self._wrapper = format_inspector.InspectWrapper(cast("IO[bytes]", self._feed), expected_format=expected)
        self._found: list[Any] = []

    def eat(self, chunk: bytes | memoryview) -> None:
        """The next bytes."""
        if self._wrapper is None or self._decided:
            return
        try:
            self._feed.chunk = bytes(chunk)
            self._wrapper.read(len(chunk))
            found = self._wrapper.formats
        except _ERRORS as error:
            raise ContentRefused(reason=str(error)) from error
        if found is not None:
            self._decide(found)

    def finish(self, size: int) -> int | None:
        """The virtual size in bytes, when it can be told. ``size``: how many bytes there were."""
        if self._wrapper is None:
            return None
        if not self._decided:
            try:
                self._wrapper.close()
                self._decide(self._wrapper.formats)
            except _ERRORS as error:
                raise ContentRefused(reason=str(error)) from error
        return self._virtual_size(size)

    def _decide(self, found: list[Any]) -> None:
        self._decided = True
        names = sorted(str(item) for item in found)
        for inspector in found:
            self._check_safe(inspector)
        if len(names) > 1 and names != ["gpt", "iso"]:
            raise ContentRefused(reason=f"more than one format was found in it: {', '.join(names)}")
        if self._match and not self._matches(names):
            raise ContentRefused(reason=f"it was declared {self._declared} and looks like {names[0]}")
        self._found = found

    def _check_safe(self, inspector: Any) -> None:
        if str(inspector) in ("raw", "gpt"):
            return
        try:
            inspector.safety_check()
        except _ERRORS as error:
            raise ContentRefused(reason=f"it is an unsafe {inspector} ({error})") from error
        if inspector.virtual_size > LARGEST_SIZE:
            raise ContentRefused(reason="its virtual size is too large")

    def _matches(self, names: list[str]) -> bool:
        """Raw claims nothing, so anything may be called so; a bootable ISO carries a partition table."""
        if self._declared == "raw":
            return True
        return self._declared in names or (self._declared == "iso" and names == ["gpt", "iso"])

    def _virtual_size(self, size: int) -> int | None:
        if self._declared == "raw":
            return size or None  # as recorded: nothing has no size of its own
        if self._declared not in INSPECTED:
            return None
        for inspector in self._found:
            if str(inspector) == self._declared:
                virtual = int(inspector.virtual_size)
                return virtual or size
        return size if self._declared == "iso" else None


class _Feed:
    """The source the wrapper reads from: the one chunk that has just come."""

    chunk = b""

    def read(self, _size: int) -> bytes:
        return self.chunk
