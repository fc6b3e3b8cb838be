"""``make states``: every state machine of the services as a Mermaid diagram."""

import importlib
from pkgutil import iter_modules
from types import ModuleType

from stackwire.cloud.options import ORDER
from stackwire.core.states import Machine


def diagrams() -> dict[str, str]:
    """Mermaid text by ``service.Name``, for each machine that a service's ``domain/*states.py`` define."""
    found: dict[str, str] = {}
    for service in ORDER:
        domain = importlib.import_module(f"stackwire.{service}.domain")
        for item in iter_modules(domain.__path__):
            if item.name.endswith("states"):
                module = importlib.import_module(f"{domain.__name__}.{item.name}")
                found |= {f"{service}.{machine.__name__}": machine.mermaid() for machine in _machines(module)}
    return found


def _machines(module: ModuleType) -> list[type[Machine]]:
    classes = (value for value in vars(module).values() if isinstance(value, type))
    return [cls for cls in classes if issubclass(cls, Machine) and cls is not Machine]


def main() -> None:
    """Prints the diagrams as Markdown."""
    for name, diagram in diagrams().items():
        print(f"## {name}\n\n```mermaid\n{diagram}\n```\n")


if __name__ == "__main__":
    main()
