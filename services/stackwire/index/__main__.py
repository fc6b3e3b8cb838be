"""``python -m stackwire.index``: the index as a process of its own, beside a RabbitMQ."""

from typing import Any

from stackwire.index.app import build
from stackwire.index.settings import IndexSettings
from stackwire.runtime.main import main

_build: Any = build

if __name__ == "__main__":
    main("index", IndexSettings, _build)
