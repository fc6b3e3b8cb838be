"""``make states``: every state machine of the services as a Mermaid diagram."""

import importlib

from stackwire.cloud.options import ORDER
from stackwire.core.state_table import Machine


def machines() -> dict[str, Machine]:
    """``service.NAME``: the machine, for each one a service's ``domain/states.py`` defines."""
    found: dict[str, Machine] = {}
    for service in ORDER:
        try:
            module = importlib.import_module(f"stackwire.{service}.domain.states")
        except ModuleNotFoundError:
            continue
        for name, value in vars(module).items():
            if isinstance(value, Machine):
                found[f"{service}.{name}"] = value
    return found


def main() -> None:
    for name, machine in machines().items():
        print(f"## {name}\n\n```mermaid\n{machine.mermaid()}\n```\n")


if __name__ == "__main__":
    main()
