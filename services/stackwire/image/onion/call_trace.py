"""A request's way through the layers, for debugging: what each was asked, what it said, and how long it took.

Nothing of what was asked or answered is kept, only names: no secret and no data can be in it.
"""

import inspect
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)

REQUESTS: Final = 200
"""As many are kept; the oldest go first."""
STEPS: Final = 500
"""Of each, from its beginning."""
_DEPTH: ContextVar[int] = ContextVar("_DEPTH", default=0)


@dataclass(slots=True)
class Step:
    """One layer's part. ``verdict`` is empty while it is at work; ``seconds`` include the layers inside it."""

    depth: int
    layer: str
    verb: str
    verdict: str = ""
    seconds: float = 0.0


class Walks:
    """The last requests' ways, by request id."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, list[Step]] = OrderedDict()

    def of(self, request_id: str) -> Sequence[Step]:
        """In the order in which the layers were entered; nothing of a request that is not known, or no longer."""
        return tuple(self._kept.get(request_id, ()))

    def watched(self, layer: Images) -> Images:
        """The same layer; who comes and goes is noted."""
        return cast(Images, _Watched(layer, self))

    def enter(self, request_id: str, step: Step) -> None:
        steps = self._kept.setdefault(request_id, [])
        if len(steps) < STEPS:
            steps.append(step)
        while len(self._kept) > REQUESTS:
            self._kept.popitem(last=False)
        log.debug("%s %s-> %s.%s", request_id, "  " * step.depth, step.layer, step.verb)

    def leave(self, request_id: str, step: Step) -> None:
        log.debug("%s %s<- %s.%s: %s", request_id, "  " * step.depth, step.layer, step.verb, step.verdict)


class _Watched:
    """Has every verb of its layer."""

    def __init__(self, layer: Images, walks: Walks) -> None:
        self._layer = layer
        self._walks = walks

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._layer, verb)
        return partial(self._asked, verb, method) if inspect.iscoroutinefunction(method) else method

    async def _asked(self, verb: str, method: Any, ctx: RequestContext, *args: Any, **kwargs: Any) -> Any:
        step = Step(_DEPTH.get(), type(self._layer).__name__, verb)
        self._walks.enter(ctx.request_id, step)
        token, began = _DEPTH.set(step.depth + 1), time.perf_counter()
        try:
            answer = await method(ctx, *args, **kwargs)
            step.verdict = "passed"
            return answer
        except BaseException as error:
            status = f" ({error.status})" if isinstance(error, ServiceError) else ""
            step.verdict = f"refused: {type(error).__name__}{status}"
            raise
        finally:
            step.seconds = time.perf_counter() - began
            _DEPTH.reset(token)
            self._walks.leave(ctx.request_id, step)
