"""The rules for an image's content, checked while its bytes stream past.

Content that could name a host's files, or that is of another format than declared, is refused.
"""

from typing import Final

from stackwire.disk_image.inspection import DetectedFormat, StreamDetector, UnreadableFormat
from stackwire.image.domain.errors import ContentRefused

INSPECTED: Final = frozenset({"raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "iso"})
"""Disk formats an inspector knows; the AMI parts and ploop are opaque."""
MAX_VIRTUAL_SIZE: Final = 2**63 - 1


class Inspection:
    """Inspects an image's chunks, in order. ``declared`` is its disk_format.

    ``match``: refuse content of another format than declared. Raises ContentRefused as soon as it knows.
    """

    def __init__(self, declared: str, container: str, *, match: bool = True) -> None:
        self._declared = declared
        self._match = match and declared in INSPECTED and container == "bare"
        self._detector: StreamDetector | None = None
        self._detected: list[DetectedFormat] | None = None
        if container == "bare":
            expected = declared if self._match and declared not in ("raw", "iso") else None
            self._detector = StreamDetector(expected)

    @property
    def is_decided(self) -> bool:
        """Whether it needs no more bytes."""
        return self._detector is None or self._detected is not None

    def update(self, chunk: bytes | bytearray | memoryview) -> None:
        """The next bytes. Errors: ContentRefused."""
        if self._detector is None or self.is_decided:
            return
        try:
            detected = self._detector.feed(chunk)
        except UnreadableFormat as error:
            raise ContentRefused(reason=str(error)) from error
        if detected is not None:
            self._decide(detected)

    def finish(self, size: int) -> int | None:
        """The virtual size in bytes, where it is known. ``size``: how many bytes there were. ContentRefused."""
        if self._detector is None:
            return None
        if self._detected is None:
            try:
                self._decide(self._detector.finish())
            except UnreadableFormat as error:
                raise ContentRefused(reason=str(error)) from error
        return self._virtual_size(size)

    def _decide(self, detected: list[DetectedFormat]) -> None:
        names = sorted(item.name for item in detected)
        for item in detected:
            self._check_safe(item)
        if len(names) > 1 and names != ["gpt", "iso"]:
            raise ContentRefused(reason=f"more than one format was found in it: {', '.join(names)}")
        if self._match and not self._matches(names):
            raise ContentRefused(reason=f"it was declared {self._declared} and looks like {names[0]}")
        self._detected = detected

    def _check_safe(self, detected: DetectedFormat) -> None:
        if detected.name in ("raw", "gpt"):
            return
        try:
            detected.check_safe()
        except UnreadableFormat as error:
            raise ContentRefused(reason=f"it is an unsafe {detected.name} ({error})") from error
        if detected.virtual_size > MAX_VIRTUAL_SIZE:
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
        for detected in self._detected or ():
            if detected.name == self._declared:
                return detected.virtual_size or size
        return size if self._declared == "iso" else None
