"""A request's calls through the layers, for debugging: each layer's verb, its outcome, and how long it took.

Only names are kept, neither arguments nor results: no secret and no data can be in a trace.
"""

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
from stackwire.image.onion.layer import P, verbs

log = logging.getLogger(__name__)

MAX_REQUESTS: Final = 200
"""Traces kept; the oldest go first."""
MAX_CALLS: Final = 500
"""Of each trace, from its beginning."""
_DEPTH: ContextVar[int] = ContextVar("_DEPTH", default=0)


@dataclass(slots=True)
class LayerCall:
    """One layer's part. ``outcome`` is empty while it is at work; ``seconds`` include the layers inside it."""

    depth: int
    layer: str
    verb: str
    outcome: str = ""
    seconds: float = 0.0


class CallTraces:
    """The last requests' traces, by request id."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, list[LayerCall]] = OrderedDict()

    def calls(self, request_id: str) -> Sequence[LayerCall]:
        """In the order in which the layers were entered; none for a request that is unknown, or too old."""
        return tuple(self._traces.get(request_id, ()))

    def clear(self) -> None:
        """Forgets all requests."""
        self._traces.clear()

    def traced(self, layer: P) -> P:
        """The same layer, whose calls are recorded."""
        return cast(P, _TracedLayer(layer, self))

    def enter(self, request_id: str, call: LayerCall) -> None:
        """Records a call that begins."""
        calls = self._traces.setdefault(request_id, [])
        if len(calls) < MAX_CALLS:
            calls.append(call)
        while len(self._traces) > MAX_REQUESTS:
            self._traces.popitem(last=False)
        log.debug("%s %s-> %s.%s", request_id, "  " * call.depth, call.layer, call.verb)

    def exit(self, request_id: str, call: LayerCall) -> None:
        """Logs a call that has ended."""
        log.debug("%s %s<- %s.%s: %s", request_id, "  " * call.depth, call.layer, call.verb, call.outcome)


class _TracedLayer:
    """Has every verb of its layer."""

    def __init__(self, layer: Any, traces: CallTraces) -> None:
        self._layer = layer
        self._traces = traces
        for verb in verbs(type(layer)):
            setattr(self, verb, partial(self._call, verb, getattr(layer, verb)))

    async def _call(self, verb: str, method: Any, ctx: RequestContext, *args: Any, **kwargs: Any) -> Any:
        call = LayerCall(_DEPTH.get(), type(self._layer).__name__, verb)
        self._traces.enter(ctx.request_id, call)
        token, began = _DEPTH.set(call.depth + 1), time.perf_counter()
        try:
            result = await method(ctx, *args, **kwargs)
            call.outcome = "passed"
            return result
        except BaseException as error:
            status = f" ({error.status})" if isinstance(error, ServiceError) else ""
            call.outcome = f"refused: {type(error).__name__}{status}"
            raise
        finally:
            call.seconds = time.perf_counter() - began
            _DEPTH.reset(token)
            self._traces.exit(ctx.request_id, call)
