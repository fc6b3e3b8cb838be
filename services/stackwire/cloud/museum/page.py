"""A page of the museum: one bug, its story, and both lineages beside each other. It needs no server."""

from collections.abc import Mapping
from html import escape
from typing import Any

from stackwire.cloud.museum.tour import Shown, Side
from stackwire.trace.cli.tables import short

_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; } .sides > section { min-width: 0; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .5rem; border-bottom: 1px solid #8885; }
td { overflow-wrap: anywhere; }
.differs { background: #fb02; } .gone { color: #c33; } .dim { opacity: .7; }
.outcome { font: 1.1rem ui-monospace, monospace; }
@media (max-width: 800px) { .sides { grid-template-columns: 1fr; } }
"""


def page(shown: Shown) -> str:
    exhibit = shown.exhibit
    behaviour = exhibit.behaviour
    link = f'<a href="{escape(exhibit.link)}">{escape(exhibit.bug)}</a>' if exhibit.link else escape(exhibit.bug)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(exhibit.bug)}</title><style>{_STYLE}</style></head>
<body>
<h1>{link}: {escape(behaviour.summary)}</h1>
<p>{escape(exhibit.story)} <strong>{escape(exhibit.asks.capitalize())}</strong></p>
<p class="dim">{escape(behaviour.service.capitalize())}, {escape(exhibit.had_by)}. {escape(behaviour.source)}.</p>
<div class="sides">
{_side("With the bug", shown.then, shown.now)}
{_side("Without", shown.now, shown.then)}
</div>
</body></html>
"""


def _side(title: str, side: Side, other: Side) -> str:
    beside = other.lineages + [{"properties": []}] * len(side.lineages)
    tables = "\n".join(_lineage(one, two) for one, two in zip(side.lineages, beside, strict=False))
    return f"""<section><h2>{title}</h2><p class="outcome">{escape(repr(side.outcome))}</p>
{tables}</section>"""


def _lineage(told: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    there = {one["key"]: one["value"] for one in other["properties"]}
    rows = "\n".join(_row(one, there) for one in told["properties"])
    resource = told["resource"]
    head = "<tr><th>property</th><th>value</th><th>set by</th><th>last crossing</th></tr>"
    return f"<h3>{escape(resource['kind'])} {escape(resource['id'][:8])}</h3><table>{head}{rows}</table>"


_OWN = ("_id", "uuid", "_ref", "image_id")


def _row(one: Mapping[str, Any], there: Mapping[str, str | None]) -> str:
    key, value = one["key"], one["value"]
    differs = (key in there) != (value is not None) if key.endswith(_OWN) else there.get(key) != value
    last = one["past"][-1] if one["past"] else None
    crossing = f"{last['verdict']}, {last['rule']}" if last else ""
    text = '<span class="gone">gone</span>' if value is None else escape(short(value))
    return (
        f'<tr class="{"differs" if differs else ""}"><td>{escape(key)}</td><td>{text}</td>'
        f"<td>{escape(one['set_by'])}</td><td>{escape(crossing)}</td></tr>"
    )
