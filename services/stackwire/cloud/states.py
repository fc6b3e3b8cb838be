"""``make states``: every state machine of the services as a Mermaid diagram."""

import importlib

from stackwire.cloud.options import ORDER
from stackwire.core.states import Machine


def diagrams() -> dict[str, str]:
    """Mermaid text by ``service.Name``, for each machine that a service's ``domain/states.py`` defines."""
    found: dict[str, str] = {}
    for service in ORDER:
        try:
            module = importlib.import_module(f"stackwire.{service}.domain.states")
        except ModuleNotFoundError:
            continue
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Machine) and value is not Machine:
                found[f"{service}.{name}"] = value.mermaid()
    return found


def main() -> None:
    """Prints the diagrams as Markdown."""
    for name, diagram in diagrams().items():
        print(f"## {name}\n\n```mermaid\n{diagram}\n```\n")


if __name__ == "__main__":
    main()
