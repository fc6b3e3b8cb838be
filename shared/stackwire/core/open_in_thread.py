"""Opens something in a thread, so that nobody who is cancelled meanwhile leaves it open."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """Something that is to be closed."""

    def close(self) -> object: ...


C = TypeVar("C", bound=Closable)


async def open_in_thread(call: Callable[[], C]) -> C:
    """The result of ``call``, which the caller closes; where the caller is cancelled, it is closed when it is open."""
    opening = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: "asyncio.Future[C]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
