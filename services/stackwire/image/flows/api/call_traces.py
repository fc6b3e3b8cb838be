"""The recorded calls through the onion's layers, where the service runs for debugging."""

from collections.abc import Sequence

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.call_trace import CallTraces, LayerCall


class CallTraceQueries:
    def __init__(self, walks: CallTraces) -> None:
        self._walks = walks

    def get(self, ctx: RequestContext, request_id: str) -> Sequence[LayerCall]:
        """For administrators: which layer refused a request reveals whether there is something to refuse."""
        steps = self._walks.calls(request_id)
        if not steps or not is_admin(ctx):
            raise NotFound
        return steps
