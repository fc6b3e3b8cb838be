"""The tables of requests: a module for each kind of resource, each with ``REQUESTS``."""

import importlib
import pkgutil

from stackwire.compare.request import Request


def all_requests() -> dict[str, Request]:
    """Every request of every table by its name. Raises ValueError for a name used twice."""
    found: dict[str, Request] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for request in importlib.import_module(f"{__name__}.{module}").REQUESTS:
            if request.name in found:
                raise ValueError(f"two requests are named {request.name}")
            found[request.name] = request
    return found
