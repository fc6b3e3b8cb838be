"""The page: a few files served as they are, or all of them in one file that carries what it shows."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web

from stackwire.core.errors import NotFound

_FOLDER = files("stackwire.trace") / "page"
_TYPES = {"css": "text/css", "js": "text/javascript", "html": "text/html"}
_SCRIPTS = ("source.js", "dom.js", "diagram.js", "lineage.js", "app.js")
# Nothing from elsewhere, and nothing a message says can run: the page shows what anybody may have put on the bus.
_POLICY = "default-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def index() -> web.Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=_text("index.html"), content_type="text/html", headers=headers)


async def file(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in (*_SCRIPTS, "style.css"):
        raise NotFound
    kind = _TYPES[name.rpartition(".")[2]]
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=_text(name), content_type=kind, headers=headers)


def whole(carried: Mapping[str, Any]) -> str:
    """A page that needs no server: ``carried`` has ``stories`` and ``lineages`` as the API tells them."""
    # "<" could end the element; JSON may spell it otherwise.
    data = orjson.dumps(carried).decode().replace("<", "\\u003c")
    text = _text("index.html").replace(
        '<link rel="stylesheet" href="page/style.css">', f"<style>\n{_text('style.css')}</style>"
    )
    scripts = "\n".join(f"<script>\n{_text(name)}</script>" for name in _SCRIPTS)
    first = text.index('<script src="page/')
    end = text.index("</body>")
    carrier = f'<script type="application/json" id="carried">{data}</script>'
    return f"{text[:first]}{carrier}\n{scripts}\n{text[end:]}"
