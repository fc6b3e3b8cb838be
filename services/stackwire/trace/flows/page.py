"""The web page: its files, and all of them in one file that contains the data it shows."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

SCRIPTS = (
    "source.js", "dom.js", "rows.js", "diagram.js", "lineage.js", "properties.js", "cloud.js", "lists.js", "story.js",
    "bugs.js", "app.js",
)  # fmt: skip
"""In the order they are loaded."""
STYLES = ("style.css",)


@cache
def asset(name: str) -> str:
    """The text of one of the page's files."""
    return (files("stackwire.trace") / "page" / name).read_text("utf-8")


def standalone_page(content: Mapping[str, Any]) -> str:
    """One HTML file that needs no server: ``content`` has ``stories`` and ``lineages`` as the API returns them."""
    # "<" could end the element; JSON may spell it otherwise.
    data = orjson.dumps(content).decode().replace("<", "\\u003c")
    text = asset("index.html").replace(
        '<link rel="stylesheet" href="page/style.css">', f"<style>\n{asset('style.css')}</style>"
    )
    scripts = "\n".join(f"<script>\n{asset(name)}</script>" for name in SCRIPTS)
    first = text.index('<script src="page/')
    end = text.index("</body>")
    script = f'<script type="application/json" id="embedded">{data}</script>'
    return f"{text[:first]}{script}\n{scripts}\n{text[end:]}"
