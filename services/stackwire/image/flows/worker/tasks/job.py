"""A task under way: an immutable value, of which each step returns the next one."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, IMPORTING, SAVING
from stackwire.image.domain.tasks import LOCATION_IMPORT, Task
from stackwire.image.domain.uploads import Chunk
from stackwire.image.onion.port import Upload


class ByteCounter:
    """The bytes that the current step of a job has moved; the one thing in a job that changes."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, size: int) -> None:
        """``size`` more bytes were moved."""
        self.count += size

    async def counted(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
        """The same chunks, counted from 0."""
        self.count = 0
        async for chunk in chunks:
            self.count += len(chunk)
            yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """``upload`` has the image as it was claimed; ``method`` is the source of its bytes, as the client named it.

    ``remaining``: stores that an image which is active already is still to be copied to; ``failed``: those that did not
    take the bytes. ``target``: the image as it will be in the end, where that differs; ``original``: the image in
    another Glance that it is imported from, as shown there.
    """

    task: Task
    upload: Upload
    method: Mapping[str, Any]
    remaining: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    target: Image | None = None
    original: Mapping[str, Any] | None = None
    counter: ByteCounter = field(default_factory=ByteCounter)

    @property
    def image(self) -> Image:
        return self.upload.image

    @property
    def target_image(self) -> Image:
        """The image as it will be in the end."""
        return self.target or self.image

    @property
    def is_location_import(self) -> bool:
        """Whether the bytes stay where they are."""
        return self.task.type == LOCATION_IMPORT

    @property
    def is_copy(self) -> bool:
        """Whether the image is active already, and is copied to more stores."""
        return self.image.status in (ACTIVE, DEACTIVATED)

    @property
    def writes_image(self) -> bool:
        """Whether the job fills an image, whose lease it holds until then."""
        return not (self.is_location_import or self.is_copy)

    @property
    def statuses(self) -> tuple[str, ...]:
        """The states in which the image still needs the bytes."""
        return (ACTIVE, DEACTIVATED) if self.is_copy else (SAVING, IMPORTING)
