"""A request's calls through the layers as a page, where the service runs for debugging."""

from collections.abc import Sequence
from html import escape

from aiohttp import web

from stackwire.http.request import CONTEXT
from stackwire.image.flows.api.call_traces import CallTraceQueries
from stackwire.image.onion.call_trace import LayerCall

_TRACE_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{id}</title>
<style>
body {{ font: 14px sans-serif; margin: 2em }}
td, th {{ text-align: left; padding: 2px 1em 2px 0 }}
.refused {{ color: #a00 }}
</style></head>
<body><h1>{id}</h1>
<table><tr><th>Layer</th><th>Verb</th><th>Verdict</th><th>ms</th></tr>
{rows}</table></body></html>
"""
_ROW = (
    '<tr class="{kind}"><td style="padding-left: {depth}em">{layer}</td><td>{verb}</td><td>{verdict}</td>'
    "<td>{ms:.1f}</td></tr>\n"
)


class CallTraceHandlers:
    """``/onion/{request_id}``, which Glance does not have."""

    def __init__(self, traces: CallTraceQueries) -> None:
        self._traces = traces

    async def show(self, request: web.Request) -> web.Response:
        request_id = request.match_info["request_id"]
        steps = self._traces.get(request[CONTEXT], request_id)
        return web.Response(text=_page(request_id, steps), content_type="text/html")


def _page(request_id: str, steps: Sequence[LayerCall]) -> str:
    rows = "".join(
        _ROW.format(
            kind="" if step.outcome in ("", "passed") else "refused",
            depth=2 * step.depth,
            layer=escape(_name(step.layer)),
            verb=escape(step.verb),
            verdict=escape(step.outcome or "at work"),
            ms=1000 * step.seconds,
        )
        for step in steps
    )
    return _TRACE_PAGE.format(id=escape(request_id), rows=rows)


def _name(layer: str) -> str:
    """The class; that around glance-registry is known as the registry layer."""
    return f"Registry layer ({layer})" if layer.removesuffix("V2").endswith("Registry") else layer
