"""A static HTML page: one bug, its steps, and both lineages beside each other."""

from collections.abc import Mapping
from html import escape
from typing import Any

from stackwire.cloud.bugs.runner import CloudResult, ScenarioResult
from stackwire.trace.cli.tables import short

_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; } .sides > section { min-width: 0; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .5rem; border-bottom: 1px solid #8885; }
td { overflow-wrap: anywhere; }
.differs { background: #fb02; } .removed { color: #c33; } .dim { opacity: .7; }
.outcome { font: 1.1rem ui-monospace, monospace; }
@media (max-width: 800px) { .sides { grid-template-columns: 1fr; } }
"""


def page(result: ScenarioResult) -> str:
    """The HTML of the page, without scripts."""
    scenario = result.scenario
    behaviour = scenario.behaviour
    link = f'<a href="{escape(scenario.link)}">{escape(scenario.bug)}</a>' if scenario.link else escape(scenario.bug)
    facts = f"{behaviour.service.capitalize()}, {scenario.affected_releases}. {behaviour.source}."
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(scenario.bug)}</title><style>{_STYLE}</style></head>
<body>
<h1>{link}: {escape(behaviour.summary)}</h1>
<p>{escape(scenario.story)} <strong>{escape(scenario.question.capitalize())}</strong></p>
<p class="dim">{escape(facts)}</p>
<div class="sides">
{_side("With the bug", result.with_bug, result.without_bug)}
{_side("Without", result.without_bug, result.with_bug)}
</div>
</body></html>
"""


def _side(title: str, side: CloudResult, other: CloudResult) -> str:
    others = other.lineages + [{"properties": []}] * len(side.lineages)
    tables = "\n".join(_table(*pair) for pair in zip(side.lineages, others, strict=False))
    return f"""<section><h2>{title}</h2><p class="outcome">{escape(repr(side.outcome))}</p>
{tables}</section>"""


def _table(lineage: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    other_values = {item["key"]: item["value"] for item in other["properties"]}
    rows = "\n".join(_row(item, other_values) for item in lineage["properties"])
    resource = lineage["resource"]
    head = "<tr><th>property</th><th>value</th><th>set by</th><th>last transfer</th></tr>"
    return f"<h3>{escape(resource['kind'])} {escape(resource['id'][:8])}</h3><table>{head}{rows}</table>"


_ID_SUFFIXES = ("_id", "uuid", "_ref", "image_id")
"""Keys whose values differ between any two clouds."""


def _row(item: Mapping[str, Any], other_values: Mapping[str, str | None]) -> str:
    key, value = item["key"], item["value"]
    if key.endswith(_ID_SUFFIXES):
        differs = (key in other_values) != (value is not None)
    else:
        differs = other_values.get(key) != value
    last = item["past"][-1] if item["past"] else None
    transfer = f"{last['verdict']}, {last['rule']}" if last else ""
    text = '<span class="removed">removed</span>' if value is None else escape(short(value))
    return (
        f'<tr class="{"differs" if differs else ""}"><td>{escape(key)}</td><td>{text}</td>'
        f"<td>{escape(item['set_by'])}</td><td>{escape(transfer)}</td></tr>"
    )
