"""The onion's ports and layers, without a database."""

from typing import Any, cast

import pytest

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import NotFound
from stackwire.image import onion
from stackwire.image.onion import port
from stackwire.image.onion.call_trace import CallTraces
from stackwire.image.onion.layer import Layer, LayerDeps, verbs

PORTS = {
    port.Images: onion.IMAGES,
    port.ImageData: onion.DATA,
    port.ImageMembers: onion.MEMBERS,
    port.ImageLocations: onion.LOCATIONS,
    port.ImageTasks: onion.TASKS,
}
ORDER = ("authorization", "property_protection", "notifier", "policy", "quota", "location", "database")
DEPS = cast(LayerDeps, None)


@pytest.mark.parametrize("noun", PORTS, ids=lambda noun: noun.__name__)
def test_a_port_has_nine_verbs_at_most_and_its_innermost_layer_has_them_all(noun: type) -> None:
    assert 0 < len(verbs(noun)) <= 9
    assert all(PORTS[noun][-1]._overrides(verb) for verb in verbs(noun))


@pytest.mark.parametrize("noun", PORTS, ids=lambda noun: noun.__name__)
def test_layers_are_in_one_order_and_have_verbs_of_their_port_only(noun: type) -> None:
    modules = [layer.__module__.rpartition(".")[2].partition("database_")[0] or "database" for layer in PORTS[noun]]
    assert modules == sorted(modules, key=ORDER.index)
    for layer in PORTS[noun]:
        assert verbs(layer) == verbs(noun)
        public = {name for name in vars(layer) if not name.startswith("_")}
        assert public <= set(verbs(noun))


class Inner:
    """Answers with the name of what it was asked for; it has no task."""

    def __getattr__(self, verb: str) -> Any:
        async def answer(*_: object) -> str:
            return verb

        return answer

    async def get(self, *_: object) -> str:
        raise NotFound


class Outer(Layer[port.ImageTasks], port.ImageTasks):
    async def begin(self, ctx: RequestContext, uow: Any, task_id: str) -> Any:
        return f"outer {await self.inner.begin(ctx, uow, task_id)}"


async def test_verbs_that_a_layer_does_not_override_are_the_inner_layers_own() -> None:
    layer = Outer(cast(port.ImageTasks, Inner()), DEPS)
    ctx = system_context("image")
    assert await cast(Any, layer).begin(ctx, None, "t") == "outer begin"
    for verb in set(verbs(Outer)) - {"begin", "get"}:
        assert await getattr(layer, verb)(ctx) == verb


async def test_a_trace_has_each_layers_calls_and_their_outcomes() -> None:
    traces, ctx = CallTraces(), system_context("image")
    traced = traces.traced(Outer(cast(port.ImageTasks, Inner()), DEPS))
    await cast(Any, traced).begin(ctx, None, "t")
    with pytest.raises(NotFound):
        await cast(Any, traced).get(ctx, None, "t")
    calls = [(call.layer, call.verb, call.outcome) for call in traces.calls(ctx.request_id)]
    assert calls == [("Outer", "begin", "passed"), ("Outer", "get", "refused: NotFound (404)")]
    assert traces.calls("req-unknown") == ()
