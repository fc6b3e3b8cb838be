"""The onion put together: each layer around the next, for each of the five nouns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackwire.image import onion
from stackwire.image.onion.call_trace import CallTraces
from stackwire.image.onion.layer import LayerDeps
from stackwire.image.onion.port import Onion


def build_onion(deps: LayerDeps, traces: CallTraces | None = None) -> Onion:
    """The five ports; with ``traces`` each call of a layer is recorded."""
    return Onion(
        images=_wrapped(onion.IMAGES, deps, traces),
        data=_wrapped(onion.DATA, deps, traces),
        members=_wrapped(onion.MEMBERS, deps, traces),
        locations=_wrapped(onion.LOCATIONS, deps, traces),
        tasks=_wrapped(onion.TASKS, deps, traces),
    )


def build_v1_onion(whole: Onion, deps: LayerDeps, traces: CallTraces | None = None) -> Onion:
    """Around the registry; locations and tasks are the whole onion's."""
    return replace(
        whole,
        images=_wrapped(onion.V1_IMAGES, deps, traces),
        data=_wrapped(onion.V1_DATA, deps, traces),
        members=_wrapped(onion.V1_MEMBERS, deps, traces),
    )


def build_v2_onion(whole: Onion, deps: LayerDeps, traces: CallTraces | None = None) -> Onion:
    """The same of v2."""
    return replace(
        whole,
        images=_wrapped(onion.V2_IMAGES, deps, traces),
        data=_wrapped(onion.V2_DATA, deps, traces),
        members=_wrapped(onion.V2_MEMBERS, deps, traces),
    )


def build_registry_onion(deps: LayerDeps) -> Onion:
    """Of the registry itself."""
    return replace(
        build_onion(deps),
        images=_wrapped(onion.REGISTRY_IMAGES, deps, None),
        data=_wrapped(onion.REGISTRY_DATA, deps, None),
        members=_wrapped(onion.REGISTRY_MEMBERS, deps, None),
    )


def _wrapped(layers: Sequence[Any], deps: LayerDeps, traces: CallTraces | None) -> Any:
    """From the inside out; the innermost layer has nothing inside."""
    port: Any = None
    for layer in reversed(layers):
        port = layer(port, deps)
        if traces is not None:
            port = traces.traced(port)
    return port
