"""A route of the admin port: its handler, and what its document says of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRoute:
    """``tag``: the heading it is documented under. ``body``, ``answer``: the models of the bodies, None for none.

    ``errors``: the statuses of its errors, besides 400, 401 and 500. ``example``: a body that the document shows.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    errors: Sequence[int] = ()
    example: dict[str, Any] | None = field(default=None)
