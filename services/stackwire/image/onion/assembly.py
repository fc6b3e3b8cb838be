"""The onion put together: each layer around the next, for each of the five nouns."""

from collections.abc import Sequence
from typing import Any

from stackwire.image.onion import DATA, IMAGES, LOCATIONS, MEMBERS, TASKS
from stackwire.image.onion.call_trace import CallTraces
from stackwire.image.onion.layer import LayerDeps
from stackwire.image.onion.port import Onion


def build_onion(deps: LayerDeps, traces: CallTraces | None = None) -> Onion:
    """The five ports; with ``traces`` each call of a layer is recorded."""
    return Onion(
        images=_wrapped(IMAGES, deps, traces),
        data=_wrapped(DATA, deps, traces),
        members=_wrapped(MEMBERS, deps, traces),
        locations=_wrapped(LOCATIONS, deps, traces),
        tasks=_wrapped(TASKS, deps, traces),
    )


def _wrapped(layers: Sequence[Any], deps: LayerDeps, traces: CallTraces | None) -> Any:
    """From the inside out; the innermost layer has nothing inside."""
    port: Any = None
    for layer in reversed(layers):
        port = layer(port, deps)
        if traces is not None:
            port = traces.traced(port)
    return port
