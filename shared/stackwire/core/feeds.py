"""Data by the gigabyte: whoever has it calls, in a thread, whoever takes it; the loop sees none of its pieces."""

from collections.abc import Awaitable, Callable

PIECES_KEPT = 4
Take = Callable[[bytes | memoryview], None]
"""Takes the next piece, in a thread; it may block. A piece is valid until this was called for PIECES_KEPT - 1 more."""
Feed = Callable[[Take], Awaitable[None]]
"""Has all pieces taken, one after the other. Raises what goes wrong with them, and what ``Take`` raises; when it ends,
however it ends, nothing is being taken any more."""
